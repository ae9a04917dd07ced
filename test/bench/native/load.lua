-- For wrk: `wrk … -s load.lua URL -- [BODY_BYTES]`. Sends GETs, or POSTs of JSON if a size is given, and prints one line of JSON.
function init (args)
  local size = tonumber(args[1])
  if size then
    wrk.method = 'POST'
    wrk.headers['Content-Type'] = 'application/json'
    wrk.body = '{"ecg":"' .. string.rep('e', size - 10) .. '"}'
  end
end

function done (summary, latency)
  local failed = summary.errors
  print(string.format('{"requests":%d,"seconds":%.6f,"errors":%d,"p50":%.1f,"p99":%.1f}',
    summary.requests, summary.duration / 1e6, failed.status + failed.connect + failed.read + failed.write + failed.timeout,
    latency:percentile(50), latency:percentile(99)))
end
