/** Configuration files of the peers: each relays one prefix on one core with a static token, keeps its connections to the upstream, and logs nothing. */
import { userInfo } from 'node:os'
import { TOKEN, type Site } from './target.ts'

/** nginx.conf; `isStreaming` passes bodies on as they come, as ours does, instead of keeping them in memory and files first. */
export function nginxConf ({ port, upstreamPort, folder }: Site, isStreaming: boolean): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(kind => `${kind}_temp_path ${folder}/${kind};`).join(' ')
  return `user ${userInfo().username};
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log error;
events { worker_connections 8192; }
http {
  access_log off;
  ${temporary}
  client_max_body_size 0;
  keepalive_requests 1000000000;
  upstream amsu {
    server 127.0.0.1:${upstreamPort};
    keepalive 1024;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location /amsu-analysis/ {
      proxy_pass http://amsu;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Authorization "Bearer ${TOKEN}";
      ${isStreaming ? 'proxy_buffering off; proxy_request_buffering off;' : ''}
    }
  }
}
`
}

/** haproxy.cfg. */
export function haproxyCfg ({ port, upstreamPort }: Site): string {
  return `global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend callers
  bind 127.0.0.1:${port}
  use_backend amsu if { path_beg /amsu-analysis/ }
backend amsu
  http-request set-header Authorization "Bearer ${TOKEN}"
  server amsu 127.0.0.1:${upstreamPort}
`
}

/** Caddyfile. */
export function caddyfile ({ port, upstreamPort }: Site): string {
  return `{
  admin off
  auto_https off
  log {
    level ERROR
  }
}
http://127.0.0.1:${port} {
  bind 127.0.0.1
  reverse_proxy /amsu-analysis/* 127.0.0.1:${upstreamPort} {
    header_up Authorization "Bearer ${TOKEN}"
    transport http {
      keepalive_idle_conns_per_host 2048
      compression off
    }
  }
}
`
}

/** httpd.conf for Debian's apache2, with the event MPM in one process; with fewer threads it turns away some of 1,024 connections. */
export function httpdConf ({ port, upstreamPort, folder }: Site): string {
  const modules = ['mpm_event', 'authz_core', 'headers', 'proxy', 'proxy_http'].map(name => `LoadModule ${name}_module modules/mod_${name}.so`)
  return `ServerRoot "/usr/lib/apache2"
ServerName 127.0.0.1
DefaultRuntimeDir ${folder}
PidFile ${folder}/httpd.pid
ErrorLog ${folder}/error.log
LogLevel error
${modules.join('\n')}
Listen 127.0.0.1:${port}
ListenBacklog 4096
StartServers 1
ServerLimit 1
ThreadLimit 1100
ThreadsPerChild 1100
MaxRequestWorkers 1100
MaxConnectionsPerChild 0
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 60
<Location "/amsu-analysis/">
  RequestHeader set Authorization "Bearer ${TOKEN}"
  ProxyPass "http://127.0.0.1:${upstreamPort}/amsu-analysis/" enablereuse=on keepalive=On
</Location>
`
}
