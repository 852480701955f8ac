-- Takes sparks of a server out of the registry, and the server with the last of them.
-- KEYS: sparks of all servers, sparks of this server, servers, sign of life of this server.
-- ARGV: address of the server, how many sparks at most, '1' if only a server that is not alive.
-- Returns 1 if there may be more.
if redis.replicate_commands then redis.replicate_commands() end
if ARGV[3] == '1' and redis.call('EXISTS', KEYS[4]) == 1 then return 0 end
local ids = redis.call('SPOP', KEYS[2], ARGV[2])
for i = 1, #ids do
  -- It may be another server's by now.
  if redis.call('HGET', KEYS[1], ids[i]) == ARGV[1] then
    redis.call('HDEL', KEYS[1], ids[i])
  end
end
if #ids == tonumber(ARGV[2]) then return 1 end
redis.call('DEL', KEYS[2])
redis.call('SREM', KEYS[3], ARGV[1])
redis.call('DEL', KEYS[4])
return 0
