# redis-rb. Arguments: PORT CONTEXT PREFIX
require "json"
require "redis"
port, context, prefix = ARGV
$prefix = prefix
def k(name) = "#{$prefix}:#{name}"
def plain(v) = v.is_a?(Exception) ? "#{v.class}: #{v.message}" : v.is_a?(Array) ? v.map { |x| plain(x) } : v
def told
  began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  out = begin
    { value: plain(yield) }
  rescue => e
    { error: plain(e) }
  end
  out.merge(seconds: (Process.clock_gettime(Process::CLOCK_MONOTONIC) - began).round(2))
end
client = Redis.new(port: port.to_i, host: "127.0.0.1")
client.set(k("warm"), 1)
out = {}
if context.include?("subscribe")
  got = []
  ends = Time.now + 4
  out[:fault] = told do
    client.subscribe_with_timeout(5, k("channel")) do |on|
      on.message { |_, m| got << m.to_i; client.unsubscribe if Time.now > ends }
    end
    nil
  end
  out[:messages] = got
else
  steps = {
    "incr" => -> { client.incr(k("x")) },
    "get" => -> { client.get(k("x")) },
    "pipeline" => -> { client.pipelined { |p| "12345".each_char { |c| p.incr(k(c)) } } },
    "exec" => -> { client.multi { |p| "12".each_char { |c| p.incr(k(c)) } } },
    "queued" => -> { client.multi { |p| "123".each_char { |c| p.incr(k(c)) } } },
    "blocked" => -> { client.blpop(k("q"), timeout: 5) },
  }
  out[:fault] = told { steps[context].call }
end
out[:after] = told { client.incr(k("after")) }
puts JSON.generate(out)
