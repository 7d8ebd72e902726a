# One small program that is a producer and a worker: `ruby main.rb produce WORD...` and `ruby main.rb work`.
# Needs the gems grpc and google-protobuf (Debian: ruby-grpc, ruby-google-protobuf); stubs by ./stubs.sh.
$LOAD_PATH.unshift(File.join(__dir__, 'stubs'))
require 'digest'
require 'grpc'
require 'gkick/v1/job_service_services_pb'
require 'gkick/v1/worker_service_services_pb'

include Gkick::V1

ADDRESS = ENV.fetch('GKICK_ADDRESS', '127.0.0.1:7450')
# Says who calls, to a server with --auth. In plaintext, as here, it goes no further than this machine unless that is said.
WHO = ENV.key?('GKICK_TOKEN') ? { 'authorization' => "Bearer #{ENV['GKICK_TOKEN']}" } : {}
if !WHO.empty? && ENV['GKICK_INSECURE_TOKEN'] != '1' && ADDRESS !~ /\A(localhost|127(\.\d+){3}|\[::1\])(:\d+)?\z/
  abort "GKICK_TOKEN is not sent to #{ADDRESS} in plaintext unless GKICK_INSECURE_TOKEN=1 says so"
end

def produce(words)
  jobs = JobService::Stub.new(ADDRESS, :this_channel_is_insecure)
  words.each do |word|
    id = jobs.enqueue(EnqueueRequest.new(job: JobSpec.new(name: 'example.hash', payload: word.b)), metadata: WHO).job_id
    job = jobs.wait_job(WaitJobRequest.new(job_id: id), deadline: Time.now + 30, metadata: WHO).job
    puts "#{id} #{job.state} #{job.result}"
  end
end

def run_job(job)
  Outcome.new(lease: job.lease, success: Success.new(result: Digest::SHA256.hexdigest(job.payload).b))
rescue StandardError => e
  Outcome.new(lease: job.lease, failure: Failure.new(type: e.class.name, message: e.message, retryable: true))
end

# Comes back after the server was away, with the same id, and goes on with what it holds.
class Worker
  RETRY = [GRPC::Core::StatusCodes::UNAVAILABLE, GRPC::Core::StatusCodes::RESOURCE_EXHAUSTED].freeze

  def initialize
    @id = "ruby-#{Process.pid}-#{rand(1 << 48).to_s(36)}"
    @held = {}   # token => lease: what is not settled yet, told again after a reconnect
    @unsent = {} # token => outcome: until the server has said that it is stored
    @stopping = false
  end

  def run
    %w[TERM INT].each { |name| Signal.trap(name) { @stopping = true } }
    wait = 0.1
    loop do
      stream { wait = 0.1 }
      return # the server ended the call with OK: drained
    rescue GRPC::BadStatus => e
      return if @stopping && @held.empty?

      puts "connection lost (#{e.code}), again in #{wait} s"
      $stdout.flush
      sleep wait
      wait = [wait * 2, 10].min
    end
  end

  private

  def stream
    outbox = Queue.new
    outbox << WorkRequest.new(hello: WorkerHello.new(
      worker_id: @id, queues: [QueueSubscription.new(queue: 'default')], names: ['example.hash'], max_in_flight: 4,
      resume_window: Google::Protobuf::Duration.new(seconds: 30), held: @held.values))
    outbox << WorkRequest.new(outcomes: @unsent.values) # finished while the connection was away
    heart = Thread.new do # any message renews the leases
      loop do
        sleep 0.2
        outbox << WorkRequest.new(drain: @stopping)
      end
    end
    requests = Enumerator.new { |out| while (message = outbox.pop) do out << message end }
    WorkerService::Stub.new(ADDRESS, :this_channel_is_insecure).work(requests, metadata: WHO).each do |update|
      if update.welcome
        yield
        forget(update.welcome.lost)
        puts "worker #{update.welcome.worker_id} is ready"
        $stdout.flush
      end
      again, settled = update.results.partition { |result| RETRY.include?(result.status_code) }
      forget(settled.map(&:lease))
      unless again.empty?
        sleep 1 # the store does not take outcomes now
        outbox << WorkRequest.new(outcomes: again.filter_map { |result| @unsent[result.lease.token] })
      end
      outbox << WorkRequest.new(ack_seq: update.seq)
      update.jobs.each { |job| finish(job, outbox) }
    end
  ensure
    heart&.kill
    outbox << nil
  end

  def finish(job, outbox)
    token = job.lease.token
    @held[token] = job.lease
    @unsent[token] = run_job(job)
    outbox << WorkRequest.new(outcomes: [@unsent[token]])
  end

  def forget(leases)
    leases.each do |lease|
      @held.delete(lease.token)
      @unsent.delete(lease.token)
    end
  end
end

ARGV[0] == 'produce' ? produce(ARGV.drop(1)) : Worker.new.run
