// One small program that is a producer and a worker: `./main produce WORD...` and `./main work`. The stubs come from protoc, see build.sh.
import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import gkick.v1.*;
import io.grpc.*;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.security.MessageDigest;
import java.util.*;
import java.util.concurrent.*;

public class Main {
  public static void main(String[] arguments) throws Exception {
    String address = System.getenv().getOrDefault("GKICK_ADDRESS", "127.0.0.1:7450");
    ManagedChannel channel = ManagedChannelBuilder.forTarget(address).usePlaintext().keepAliveTime(30, TimeUnit.SECONDS).build();
    if (arguments.length > 0 && arguments[0].equals("produce")) {
      produce(JobServiceGrpc.newBlockingStub(signed(channel, address)), Arrays.asList(arguments).subList(1, arguments.length));
    } else {
      new Worker(signed(channel, address)).run();
    }
    channel.shutdownNow();
  }

  // Says who calls, to a server with --auth. In plaintext, as here, it goes no further than this machine unless that is said.
  static Channel signed(Channel channel, String address) {
    String token = System.getenv().getOrDefault("GKICK_TOKEN", "");
    if (token.isEmpty()) return channel;
    boolean isLocal = address.matches("(localhost|127(\\.\\d+){3}|\\[::1\\])(:\\d+)?");
    if (!isLocal && !"1".equals(System.getenv("GKICK_INSECURE_TOKEN"))) {
      System.err.println("GKICK_TOKEN is not sent to " + address + " in plaintext unless GKICK_INSECURE_TOKEN=1 says so");
      System.exit(1);
    }
    Metadata metadata = new Metadata();
    metadata.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + token);
    return ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(metadata));
  }

  static void produce(JobServiceGrpc.JobServiceBlockingStub jobs, List<String> words) {
    for (String word : words) {
      JobSpec job = JobSpec.newBuilder().setName("example.hash").setPayload(ByteString.copyFromUtf8(word)).build();
      String id = jobs.enqueue(EnqueueRequest.newBuilder().setJob(job).build()).getJobId();
      Job done = jobs.withDeadlineAfter(30, TimeUnit.SECONDS).waitJob(WaitJobRequest.newBuilder().setJobId(id).build()).getJob();
      System.out.println(id + " " + done.getState() + " " + done.getResult().toStringUtf8());
    }
  }

  static Outcome run(Assignment job) {
    Outcome.Builder outcome = Outcome.newBuilder().setLease(job.getLease());
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(job.getPayload().toByteArray());
      return outcome.setSuccess(Success.newBuilder().setResult(ByteString.copyFromUtf8(HexFormat.of().formatHex(digest)))).build();
    } catch (Exception e) {
      return outcome.setFailure(Failure.newBuilder().setType(e.getClass().getName()).setMessage(String.valueOf(e.getMessage())).setRetryable(true)).build();
    }
  }

  // Comes back after the server was away, with the same id, and goes on with what it holds.
  static class Worker {
    final Channel channel;
    final String id = "java-" + ProcessHandle.current().pid() + "-" + System.nanoTime();
    final ExecutorService threads = Executors.newFixedThreadPool(4);
    final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();
    final Map<Long, JobLease> held = new HashMap<>();   // by token: what is not settled yet, told again after a reconnect
    final Map<Long, Outcome> unsent = new HashMap<>();  // until the server has said that it is stored
    StreamObserver<WorkRequest> requests;
    boolean isStopping, isWelcomed;

    Worker(Channel channel) { this.channel = channel; }

    void run() throws Exception {
      Thread main = Thread.currentThread();
      Runtime.getRuntime().addShutdownHook(new Thread(() -> {
        synchronized (this) { isStopping = true; }
        send(WorkRequest.newBuilder().setDrain(true).build());
        try { main.join(30_000); } catch (InterruptedException e) { return; }
        Runtime.getRuntime().halt(0); // drained; without this the exit code would be the signal's
      }));
      for (long wait = 100;; wait = Math.min(wait * 2, 10_000)) {
        Status status = connect().get();
        synchronized (this) {
          requests = null;
          if (status.isOk() || (isStopping && held.isEmpty())) break; // drained
          if (isWelcomed) wait = 100;
        }
        System.out.println("connection lost (" + status.getDescription() + "), again in " + wait + " ms");
        Thread.sleep(wait);
      }
      threads.shutdown();
      clock.shutdown();
    }

    // One stream; what it gives is how it ended: OK when the server ended it because the worker has drained.
    synchronized CompletableFuture<Status> connect() {
      CompletableFuture<Status> end = new CompletableFuture<>();
      isWelcomed = false;
      requests = WorkerServiceGrpc.newStub(channel).work(new StreamObserver<WorkResponse>() {
        ScheduledFuture<?> beat;
        public void onNext(WorkResponse update) { beat = handle(update, beat); }
        public void onError(Throwable error) { ended(Status.fromThrowable(error)); }
        public void onCompleted() { ended(Status.OK); }
        void ended(Status status) {
          if (beat != null) beat.cancel(false);
          end.complete(status);
        }
      });
      send(WorkRequest.newBuilder().setHello(WorkerHello.newBuilder()
          .setWorkerId(id).addQueues(QueueSubscription.newBuilder().setQueue("default")).addNames("example.hash").setMaxInFlight(16)
          .setResumeWindow(Duration.newBuilder().setSeconds(30)).addAllHeld(held.values())).build());
      send(WorkRequest.newBuilder().addAllOutcomes(unsent.values()).setDrain(isStopping).build()); // finished while the connection was away
      return end;
    }

    synchronized ScheduledFuture<?> handle(WorkResponse update, ScheduledFuture<?> beat) {
      if (update.hasWelcome()) {
        isWelcomed = true;
        update.getWelcome().getLostList().forEach(this::forget);
        Duration heartbeat = update.getWelcome().getHeartbeat();
        long every = heartbeat.getSeconds() * 500 + heartbeat.getNanos() / 2_000_000;
        // Any message renews the leases.
        beat = clock.scheduleAtFixedRate(() -> send(WorkRequest.getDefaultInstance()), every, every, TimeUnit.MILLISECONDS);
        System.out.println("worker " + update.getWelcome().getWorkerId() + " is ready");
      }
      for (OutcomeResult result : update.getResultsList()) {
        Status.Code code = Status.fromCodeValue(result.getStatusCode()).getCode();
        if (code == Status.Code.UNAVAILABLE || code == Status.Code.RESOURCE_EXHAUSTED) {
          clock.schedule(() -> sendAgain(result.getLease()), 1, TimeUnit.SECONDS); // the store does not take it now
        } else {
          forget(result.getLease());
        }
      }
      for (Assignment job : update.getJobsList()) {
        held.put(job.getLease().getToken(), job.getLease());
        threads.submit(() -> finish(job));
      }
      send(WorkRequest.newBuilder().setAckSeq(update.getSeq()).build());
      return beat;
    }

    void finish(Assignment job) {
      Outcome outcome = Main.run(job);
      synchronized (this) {
        unsent.put(job.getLease().getToken(), outcome);
        sendAgain(job.getLease());
      }
    }

    synchronized void sendAgain(JobLease lease) {
      Outcome outcome = unsent.get(lease.getToken());
      if (outcome != null) send(WorkRequest.newBuilder().addOutcomes(outcome).build());
    }

    // What fails to go out is told by the stream's end.
    synchronized void send(WorkRequest message) {
      try {
        if (requests != null) requests.onNext(message);
      } catch (IllegalStateException e) {
        requests = null;
      }
    }

    synchronized void forget(JobLease lease) {
      held.remove(lease.getToken());
      unsent.remove(lease.getToken());
    }
  }
}
