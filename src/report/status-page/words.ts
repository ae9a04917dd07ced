/**
 * What the status page says, in its languages. `{name}` is filled in by the page.
 */

const en = {
  language: 'en',
  title: 'amsu-proxy status',
  skip: 'Skip to the last requests',
  noScript: 'This page draws itself with JavaScript. Without it, ask for the same as JSON: curl -H "Accept: application/json" and the address of this page.',
  states: {
    starting: ['Starting', 'Fetching the first token. Requests wait for it.'],
    serving: ['Serving', 'Token renews in {renews}.'],
    renewing: ['Renewing the token', 'The old one serves until the new one is here; it ends in {ends}.'],
    renewing_without: ['Renewing the token', 'Requests wait for the new one.'],
    token_endpoint_down: ['Serving, but the token can not be renewed', 'The token endpoint of AMSU fails or can not be reached. The token in hand ends in {ends}. {next}'],
    token_endpoint_down_without: ['Not serving: no token', 'The token endpoint of AMSU fails or can not be reached. Requests wait briefly, then get 503. {next}'],
    credentials_rejected: ['Serving, but AMSU refuses the credentials', 'Check the app key and the app secret. The token in hand ends in {ends}. {next}'],
    credentials_rejected_without: ['Not serving: AMSU refuses the credentials', 'Check the app key and the app secret. Requests get 503. {next}'],
    draining: ['Shutting down', 'Requests under way are finished: {inFlight}. New ones get 503.'],
    unreachable: ['The proxy can not be reached', 'Last heard of it {ago} ago. It may have been stopped. Trying again.'],
  },
  nextAttempt: 'Next attempt in {next}.',
  attempting: 'Trying right now.',
  facts: { inFlight: 'Under way', requests: 'Requests, last hour', errors: 'Errors, last hour', uptime: 'Running for' },
  token: {
    heading: 'Access token',
    none: 'There is no usable token.',
    timeline: 'Life of the token: {spent} gone, renewal in {renews}, end in {ends}.',
    now: 'now',
    renews: 'renewal',
    due: 'renewal is due',
    obtained: 'obtained {spent} ago',
    ends: 'ends in {ends}',
    refresh: 'The refresh token is good for {refresh} more.',
    calls: 'Last token calls',
    time: 'Time',
    call: 'Call',
    outcome: 'Outcome',
    callNames: { credentials: 'id and secret', refresh_put: 'refresh (PUT)', refresh_post: 'refresh (POST)' },
    outcomes: { ok: 'token obtained', rejected: 'AMSU refuses it', refused: 'method not let through', broken: 'connection broke', trouble: 'failed' },
  },
  quota: {
    heading: 'Quota left',
    families: { arrhythmia_analysis: 'Arrhythmia', hrv_analysis: 'Heart rate variability', health_analysis: 'Health', calorie_analysis: 'Calories' },
    unlimited: 'unlimited',
    read: 'Read {ago} ago.',
    unread: 'Not read yet.',
    failing: 'The last reading failed; another follows.',
    off: 'Not read: QUOTA_POLL_SECONDS is 0.',
  },
  traffic: { heading: 'The last hour', chart: '{requests} requests in the last hour, {errors} of them ended in an error.', ok: 'answered', errors: 'errors', ago: '60 min ago', most: 'at most {most} a minute' },
  requests: { heading: 'Last requests', caption: 'The last 50 requests, newest first; without query and body', none: 'No request yet.', time: 'Time', request: 'Request', status: 'Status', duration: 'Duration', caller: 'Caller', id: 'Request id' },
  first: { heading: 'First call', text: 'Asks AMSU what is left of the quota; it costs nothing.', copy: 'Copy', copied: 'Copied' },
  settings: { heading: 'Settings in effect', caption: 'Secrets are not shown', name: 'Name', value: 'Value', isDefault: 'default' },
  units: { d: '{n} d', h: '{n} h', min: '{n} min', s: '{n} s', ms: '{n} ms' },
  moment: 'a moment',
}

/** All the words of one language. */
export type Words = typeof en

const zh: Words = {
  language: 'zh-CN',
  title: 'amsu-proxy 状态',
  skip: '跳到最近的请求',
  noScript: '本页面用 JavaScript 绘制。没有它时，可用 curl -H "Accept: application/json" 加本页地址取得同样内容的 JSON。',
  states: {
    starting: ['正在启动', '正在获取第一个令牌，请求会等待它。'],
    serving: ['服务正常', '令牌将在 {renews}后续期。'],
    renewing: ['正在续期令牌', '新令牌到达之前继续使用旧令牌，它将在 {ends}后失效。'],
    renewing_without: ['正在续期令牌', '请求会等待新令牌。'],
    token_endpoint_down: ['仍在服务，但令牌无法续期', 'AMSU 的令牌接口出错或无法连接。手中的令牌将在 {ends}后失效。{next}'],
    token_endpoint_down_without: ['无法服务：没有令牌', 'AMSU 的令牌接口出错或无法连接。请求短暂等待后得到 503。{next}'],
    credentials_rejected: ['仍在服务，但 AMSU 拒绝了凭据', '请检查 app key 和 app secret。手中的令牌将在 {ends}后失效。{next}'],
    credentials_rejected_without: ['无法服务：AMSU 拒绝了凭据', '请检查 app key 和 app secret。请求得到 503。{next}'],
    draining: ['正在停止', '正在完成进行中的请求：{inFlight}。新请求得到 503。'],
    unreachable: ['无法连接代理', '最后一次收到消息是 {ago}前。它可能已停止，正在重试。'],
  },
  nextAttempt: '将在 {next}后重试。',
  attempting: '正在重试。',
  facts: { inFlight: '进行中', requests: '最近一小时请求', errors: '最近一小时错误', uptime: '已运行' },
  token: {
    heading: '访问令牌',
    none: '没有可用的令牌。',
    timeline: '令牌寿命：已过 {spent}，{renews}后续期，{ends}后失效。',
    now: '现在',
    renews: '续期',
    due: '应当续期',
    obtained: '{spent}前取得',
    ends: '{ends}后失效',
    refresh: '刷新令牌还可使用 {refresh}。',
    calls: '最近的令牌调用',
    time: '时间',
    call: '调用',
    outcome: '结果',
    callNames: { credentials: 'id 和 secret', refresh_put: '刷新 (PUT)', refresh_post: '刷新 (POST)' },
    outcomes: { ok: '已取得令牌', rejected: '被 AMSU 拒绝', refused: '方法被拦截', broken: '连接中断', trouble: '失败' },
  },
  quota: {
    heading: '剩余次数',
    families: { arrhythmia_analysis: '心律失常', hrv_analysis: '心率变异性', health_analysis: '健康', calorie_analysis: '卡路里' },
    unlimited: '不限',
    read: '{ago}前读取。',
    unread: '尚未读取。',
    failing: '上次读取失败，稍后再试。',
    off: '不读取：QUOTA_POLL_SECONDS 为 0。',
  },
  traffic: { heading: '最近一小时', chart: '最近一小时 {requests} 个请求，其中 {errors} 个出错。', ok: '已应答', errors: '错误', ago: '60 分钟前', most: '每分钟最多 {most} 个' },
  requests: { heading: '最近的请求', caption: '最近 50 个请求，最新的在前；不含查询参数和正文', none: '还没有请求。', time: '时间', request: '请求', status: '状态', duration: '耗时', caller: '调用者', id: '请求 id' },
  first: { heading: '第一次调用', text: '向 AMSU 查询剩余次数，不产生费用。', copy: '复制', copied: '已复制' },
  settings: { heading: '生效的设置', caption: '不显示机密', name: '名称', value: '值', isDefault: '默认' },
  units: { d: '{n} 天', h: '{n} 小时', min: '{n} 分钟', s: '{n} 秒', ms: '{n} 毫秒' },
  moment: '片刻',
}

/** The languages of the page, the default first. */
export const languages = ['en', 'zh'] as const

/** The words by language. */
export const words: Readonly<Record<typeof languages[number], Words>> = { en, zh }
