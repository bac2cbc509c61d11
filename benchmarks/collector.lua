-- For wrk: posts events with ids of their own, BATCH of them a request, each as in EVENT.
local batch = tonumber(os.getenv("BATCH"))
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init()
  local event = os.getenv("EVENT")
  local from, to = event:find("MESSAGE-ID", 1, true)
  before = event:sub(1, from - 1) .. os.getenv("RUN") .. "-" .. number .. "-"
  after = event:sub(to + 1)
  opening, closing = "", ""
  if batch > 1 then
    opening, closing = '{"batch":[', '],"sentAt":"2026-05-04T10:15:31.123Z"}'
  end
  local size = #opening + batch * (#before + 9 + #after) + batch - 1 + #closing
  head = "POST " .. (batch > 1 and "/v1/batch" or "/v1/track") .. " HTTP/1.1\r\nHost: localhost\r\n"
    .. "Content-Type: application/json\r\nAuthorization: " .. os.getenv("AUTHORIZATION")
    .. "\r\nContent-Length: " .. size .. "\r\n\r\n" .. opening
  count = 0
end

function request()
  local parts = { head }
  for index = 1, batch do
    count = count + 1
    parts[#parts + 1] = (index > 1 and "," or "") .. before
    parts[#parts + 1] = string.format("%09d", count)
    parts[#parts + 1] = after
  end
  parts[#parts + 1] = closing
  return table.concat(parts)
end
