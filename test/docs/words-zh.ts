/**
 * The settings and errors in Chinese, for docs/zh-CN/reference. The texts are keyed by name, so that a new setting or error without
 * Chinese text does not compile.
 */
import type { ErrorCode, Retry } from '../../src/errors.ts'
import type { SettingName } from '../../src/config/settings.ts'

/** Heads of the tables, and the words in their cells. */
export const wordsZh = {
  settings: { head: ['变量', '默认值', '含义'], required: (file: string) => `必填，或用 \`${file}\`` },
  errors: { head: ['错误码', '状态码', '含义', '调用方可以重试吗？'] },
} as const

/** The meaning of each setting. */
export const settingsZh: Readonly<Record<SettingName, string>> = {
  AMSU_CLIENT_ID: 'AMSU 颁发的 app_key。',
  AMSU_CLIENT_ID_FILE: '改从文件读取 app_key 时的文件路径（Docker 与 Kubernetes 的 secret）。末尾的换行符会被忽略。',
  AMSU_CLIENT_SECRET: 'AMSU 颁发的 app_secret。',
  AMSU_CLIENT_SECRET_FILE: '改从文件读取 app_secret 时的文件路径；两个文件变化后都会重新读取。',
  AMSU_BASE_URL: 'AMSU 的源（origin）。AMSU 的文档没有给出 https 地址；如果使用明文 http 且主机不是本机回环地址，启动时会发出警告。',
  AMSU_CA_FILE: '以 https 访问 AMSU 时额外信任的证书颁发机构，PEM 格式；文件变化后会重新读取。证书校验无法关闭。',
  AMSU_HTTP_PROXY: '访问 AMSU 必须经过的正向代理，写作 http://[user:password@]host:port，用于令牌调用和转发的调用。不读取 HTTP_PROXY 之类的变量。',
  HOST: '监听地址。监听本机回环以外的地址时，必须设置 CALLERS 或 ALLOW_OPEN_ACCESS。',
  PORT: '监听端口；0 表示任取一个空闲端口，日志会写明。',
  TLS_CERT_FILE: '向客户端提供 https 所用的证书链，PEM 格式；文件变化后会重新读取。',
  TLS_KEY_FILE: '该证书的私钥，PEM 格式。',
  UNIX_SOCKET: '改为监听 unix 套接字时的路径，取代 HOST 与 PORT，权限为 0660。失效的套接字文件会被替换；仍在使用的则报错。',
  ADMIN_HOST: '管理监听器的地址；仅与 ADMIN_PORT 一起使用。',
  ADMIN_PORT: '管理监听器的端口，用于代理自身的端点；此时主监听器只提供 /amsu-analysis/。',
  CALLERS: '调用方的本地凭据，写作 name:secret，以逗号分隔。不设置时，任何能连接到监听地址的客户端都可以调用 AMSU。',
  CALLERS_FILE: '改从文件读取时的路径，每行一个 name:secret（# 开头为注释）；文件变化后会重新读取。',
  ALLOW_OPEN_ACCESS: '是否允许在没有 CALLERS 的情况下监听本机回环以外的地址。',
  ALLOWED_HOSTS: '额外接受的 Host 名称，以逗号分隔，不限端口。始终接受：localhost、IP 地址、不含点的名称，以及 .localhost、.local、.internal、.svc、.cluster.local、.home.arpa 和 .test 之下的名称。末尾的一个点不计。',
  ALLOWED_ORIGINS: '接受的浏览器来源（origin），以逗号分隔。只有它们会得到 CORS 响应；其他网页一律拒绝。',
  ALLOWED_ROUTES: '最小权限：允许哪些调用，写作 METHOD /path，以逗号分隔，* 匹配一段路径，** 可跨多段。默认：/amsu-analysis/ 的全部。',
  TOKEN_WAIT_MS: '没有可用的访问令牌时，请求最多等待多久；之后返回 503。',
  TOKEN_REQUEST_TIMEOUT_MS: '对 AMSU 令牌端点的一次调用的超时时间。',
  UPSTREAM_CONNECT_TIMEOUT_MS: '与 AMSU 建立连接的超时时间。',
  UPSTREAM_RESPONSE_TIMEOUT_MS: '从请求的最后一个字节到响应的第一个字节。',
  UPSTREAM_IDLE_TIMEOUT_MS: '传输请求体或响应体时，最长多久没有数据，两个方向都算。',
  UPSTREAM_MAX_CONNECTIONS: '同时到 AMSU 的最大连接数；更多的请求排队等候。',
  MAX_BODY_BYTES: '请求体的上限（102 MiB：AMSU 接受最大 100 MB 的文件）。超出则返回 413。',
  REPLAY_BODY_BYTES: '不超过此大小的请求体会保留到收到响应头为止，以便 AMSU 拒绝访问令牌时重发。所有保留的请求体合计不超过此值的 16 倍。',
  MAX_IN_FLIGHT: '同时处理的最大请求数；超出的返回 503。',
  QUOTA_POLL_SECONDS: '每隔多久向 AMSU 询问剩余配额，用于指标和状态页；0 表示从不询问。询问本身不收费。',
  SHUTDOWN_GRACE_MS: '收到 SIGTERM 后，处理中的请求还有多长时间可以完成；Docker 在 10 秒后强制结束。',
  LOG_LEVEL: '记录日志的最低级别。`info` 为每个请求写一行。',
}

/** What each error means. The response itself is in English, because apps compare texts. */
export const errorsZh: Readonly<Record<ErrorCode, string>> = {
  TOKEN_UNAVAILABLE: '目前没有可用的 AMSU 访问令牌。请求未发出，请重试。',
  CREDENTIALS_REJECTED: 'AMSU 拒绝本代理的凭据。请求未发出，须由运维人员处理。',
  UPSTREAM_UNREACHABLE: '无法连接 AMSU。请求未发出，请重试。',
  UPSTREAM_TIMEOUT: 'AMSU 没有及时响应。调用可能已被处理并计费。',
  UPSTREAM_RESET: '与 AMSU 的连接中断。调用可能已被处理并计费。',
  UPSTREAM_INVALID: 'AMSU 的响应不是有效的 HTTP。调用可能已被处理并计费。',
  BODY_TOO_LARGE: '请求体超过本代理接受的大小。',
  HEAD_TOO_LARGE: '请求行和请求头超过本代理接受的大小。',
  REQUEST_TIMEOUT: '请求没有及时到达。',
  EXPECTATION_FAILED: '只支持 100-continue 这一种期望（Expect）。',
  PATH_REJECTED: '请求目标不是规范形式。',
  HOST_REJECTED: '本代理不为该 Host 提供服务；运维人员可以把它加入 ALLOWED_HOSTS。',
  ORIGIN_REJECTED: '网页不得调用本代理；运维人员可以把来源加入 ALLOWED_ORIGINS。',
  ROUTE_REJECTED: '此调用不在 ALLOWED_ROUTES 之内。',
  METHOD_REJECTED: '不转发此方法。',
  NOT_FOUND: '只转发 /amsu-analysis/。',
  BAD_REQUEST: '请求不是有效的 HTTP。',
  CALLER_UNAUTHENTICATED: '调用方身份不明。须提供名称和密钥，或本代理发放的占位令牌。',
  INVALID_TOKEN_REQUEST: '令牌请求缺少某个字段，或者字段为空、重复。',
  LOOP: '该请求已经经过本代理。',
  OVERLOADED: '处理中的请求过多。请求未发出，请重试。',
  DRAINING: '本代理正在关闭。请求未发出，请重试。',
  INTERNAL: '本代理存在缺陷，可按请求 ID 在日志中查看详情。',
}

/** What a caller is told about sending a request again. */
export const adviceZh: Readonly<Record<Retry, string>> = {
  safe: '可以，AMSU 没有处理该请求',
  after_fix: '待运维人员处理之后',
  charged: '该调用可能已经计费',
  never: '不可以',
}
