# One small program that is a producer and a worker: `ruby main.rb produce WORD...` and `ruby main.rb work`.
# Needs the gems grpc and google-protobuf (Debian: ruby-grpc, ruby-google-protobuf); stubs by ./stubs.sh.
$LOAD_PATH.unshift(File.join(__dir__, 'stubs'))
require 'digest'
require 'grpc'
require 'gkick/v1/job_service_services_pb'
require 'gkick/v1/worker_service_services_pb'

include Gkick::V1

ADDRESS = ENV.fetch('GKICK_ADDRESS', '127.0.0.1:7450')

def produce(words)
  jobs = JobService::Stub.new(ADDRESS, :this_channel_is_insecure)
  words.each do |word|
    id = jobs.enqueue(EnqueueRequest.new(job: JobSpec.new(name: 'example.hash', payload: word.b))).job_id
    job = jobs.wait_job(WaitJobRequest.new(job_id: id), deadline: Time.now + 30).job
    puts "#{id} #{job.state} #{job.result}"
  end
end

def run(job)
  Outcome.new(lease: job.lease, success: Success.new(result: Digest::SHA256.hexdigest(job.payload).b))
rescue StandardError => e
  Outcome.new(lease: job.lease, failure: Failure.new(type: e.class.name, message: e.message, retryable: true))
end

def work
  outbox = Queue.new
  outbox << WorkRequest.new(hello: WorkerHello.new(
    queues: [QueueSubscription.new(queue: 'default')], names: ['example.hash'], max_in_flight: 4))
  stopping = false
  %w[TERM INT].each { |name| Signal.trap(name) { stopping = true } }
  requests = Enumerator.new { |out| loop { out << outbox.pop } }
  Thread.new do # any message renews the leases
    loop do
      sleep 0.2
      outbox << WorkRequest.new(drain: stopping)
    end
  end
  WorkerService::Stub.new(ADDRESS, :this_channel_is_insecure).work(requests).each do |update|
    puts "worker #{update.welcome.worker_id} is ready" if update.welcome
    $stdout.flush
    outbox << WorkRequest.new(ack_seq: update.seq, outcomes: update.jobs.map { |job| run(job) })
  end
end

ARGV[0] == 'produce' ? produce(ARGV.drop(1)) : work
