# Sidekiq, with the environment PORT, BACKEND_PORT, PREFIX and JOBS; as a script it is the producer.
require "redis"
require "sidekiq"
url = "redis://127.0.0.1:#{ENV["PORT"]}/0"
Sidekiq.configure_server { |config| config.redis = { url: url } }
Sidekiq.configure_client { |config| config.redis = { url: url } }

class Job
  include Sidekiq::Worker
  sidekiq_options queue: ENV["PREFIX"]
  def perform(number)
    sleep 0.02
    redis = Redis.new(port: ENV["BACKEND_PORT"].to_i)
    redis.rpush("#{ENV["PREFIX"]}:done", number)
    redis.close
  end
end

if $PROGRAM_NAME == __FILE__
  ENV["JOBS"].to_i.times do |number|
    Job.perform_async(number)
  rescue => e
    puts "job #{number}: #{e.class}: #{e.message}"
  end
end
