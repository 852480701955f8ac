-- Takes some sparks of a server out of the registry.
-- KEYS: sparks of all servers, sparks of this server. ARGV: address of the server, ids.
for i = 2, #ARGV do
  -- It may be another server's by now.
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[1] then
    redis.call('HDEL', KEYS[1], ARGV[i])
  end
  redis.call('SREM', KEYS[2], ARGV[i])
end
return 1
