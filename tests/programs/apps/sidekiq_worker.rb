# Sidekiq: loaded by `sidekiq -r` it is the worker; `ruby sidekiq_worker.rb produce` adds jobs.

require 'sidekiq'
require 'redis'

NAME = ENV.fetch('NAME')
URL = "redis://#{ENV.fetch('PROXY')}/0".freeze

Sidekiq.configure_server { |config| config.redis = { url: URL } }
Sidekiq.configure_client { |config| config.redis = { url: URL } }

# What is written down, in a Redis that no fault reaches and no proxy is before; its clock stamps each entry.
class Books
  def self.connection
    Thread.current[:books] ||= Redis.new(url: "redis://#{ENV.fetch('BOOKS')}/0", timeout: 60)
  end

  def self.write(kind, job, text = '')
    entry = { 'job' => job, 'by' => ENV.fetch('WORKER', 'producer'), 'text' => text[0, 300] }
    connection.xadd("#{kind}:#{NAME}", entry)
  end

  def self.stopped?
    connection.exists?('stop')
  end
end

class Job
  include Sidekiq::Worker
  # In a cluster, the slot of the queue is that of its name's tag.
  sidekiq_options queue: ENV.fetch('PREFIX')

  def perform(number)
    Books.write('done', number)
  end
end

def produce
  number = 0
  until Books.stopped?
    number += 1
    Books.write('asked', number)
    begin
      Job.perform_async(number)
      Books.write('acked', number)
    rescue StandardError => e
      Books.write('refused', number, "#{e.class}: #{e.message}")
    end
    sleep ENV.fetch('PACE').to_f
  end
end

produce if ARGV.first == 'produce' && $PROGRAM_NAME == __FILE__
