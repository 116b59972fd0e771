-- Sends the requests of a Lua file in order, once each if it says so, and prints the result as JSON.
local list, once, position = {}, false, 0

function init(args)
  local load = dofile(args[1])
  once = load.once
  for index, request in ipairs(load.requests) do
    load.headers.Authorization = request[3] or load.headers.Authorization
    list[index] = wrk.format(load.method, request[1], load.headers, request[2])
  end
end

function request()
  if position == #list then
    if once then wrk.thread:stop() end
    position = 0
  end
  position = position + 1
  return list[position]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%f,"p50":%f,"p99":%f,"errors":{"status":%d,"timeout":%d,"connection":%d}}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.timeout, errors.connect + errors.read + errors.write))
end
