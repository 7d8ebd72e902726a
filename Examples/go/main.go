// One small program that is a producer and a worker: `main produce WORD...` and `main work`.
// The stubs come from protoc, see build.sh.
package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "gkick/v1"
)

func main() {
	address := os.Getenv("GKICK_ADDRESS")
	if address == "" {
		address = "127.0.0.1:7450"
	}
	options := []grpc.DialOption{grpc.WithInsecure()}
	if shown := os.Getenv("GKICK_TOKEN"); shown != "" {
		if !isLocal(address) && os.Getenv("GKICK_INSECURE_TOKEN") != "1" {
			log.Fatalf("GKICK_TOKEN is not sent to %s in plaintext unless GKICK_INSECURE_TOKEN=1 says so", address)
		}
		options = append(options, grpc.WithPerRPCCredentials(token(shown)))
	}
	conn, err := grpc.Dial(address, options...)
	if err != nil {
		log.Fatal(err)
	}
	if len(os.Args) > 1 && os.Args[1] == "produce" {
		produce(pb.NewJobServiceClient(conn), os.Args[2:])
	} else {
		work(pb.NewWorkerServiceClient(conn))
	}
}

// Says who calls, to a server with --auth. In plaintext, as here, it goes no further than this machine unless that is said.
type token string

func (t token) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(t)}, nil
}

func (t token) RequireTransportSecurity() bool { return false }

func isLocal(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

func produce(jobs pb.JobServiceClient, words []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for _, word := range words {
		stored, err := jobs.Enqueue(ctx, &pb.EnqueueRequest{Job: &pb.JobSpec{Name: "example.hash", Payload: []byte(word)}})
		if err != nil {
			log.Fatal(err)
		}
		done, err := jobs.WaitJob(ctx, &pb.WaitJobRequest{JobId: stored.JobId})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(stored.JobId, done.Job.State, string(done.Job.Result))
	}
}

func run(job *pb.Assignment) *pb.Outcome {
	sum := fmt.Sprintf("%x", sha256.Sum256(job.Payload))
	return &pb.Outcome{Lease: job.Lease, How: &pb.Outcome_Success{Success: &pb.Success{Result: []byte(sum)}}}
}

// A worker that one would run: it comes back after the server was away, with the same id, and goes on with what it holds.
type worker struct {
	client  pb.WorkerServiceClient
	id      string
	sending sync.Mutex // a stream takes one sender at a time
	stream  pb.WorkerService_WorkClient
	lock    sync.Mutex
	held    map[uint64]*pb.JobLease // by token: what runs now, told again after a reconnect
	unsent  map[uint64]*pb.Outcome  // until the server has said that it is stored
	drain   bool
}

func work(client pb.WorkerServiceClient) {
	w := &worker{client: client, id: fmt.Sprintf("go-%d-%d", os.Getpid(), time.Now().UnixNano()),
		held: map[uint64]*pb.JobLease{}, unsent: map[uint64]*pb.Outcome{}}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	go func() {
		<-stop
		w.lock.Lock()
		w.drain = true
		w.lock.Unlock()
		w.send(&pb.WorkRequest{Drain: true})
	}()
	for wait := 100 * time.Millisecond; ; {
		welcomed, err := w.connect()
		w.lock.Lock()
		isDone := err == nil || (w.drain && len(w.held) == 0)
		w.lock.Unlock()
		if isDone {
			return // drained
		}
		if welcomed {
			wait = 100 * time.Millisecond
		}
		fmt.Printf("connection lost (%v), again in %v\n", err, wait)
		time.Sleep(wait)
		if wait *= 2; wait > 10*time.Second {
			wait = 10 * time.Second
		}
	}
}

func (w *worker) send(message *pb.WorkRequest) {
	w.sending.Lock()
	defer w.sending.Unlock()
	if w.stream != nil {
		_ = w.stream.Send(message) // what failed shows at Recv
	}
}

// One stream, until it ends; nil when the server ended it because the worker has drained.
func (w *worker) connect() (welcomed bool, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stream, err := w.client.Work(ctx)
	if err != nil {
		return false, err
	}
	w.lock.Lock()
	hello := &pb.WorkerHello{WorkerId: w.id, Queues: []*pb.QueueSubscription{{Queue: "default"}}, Names: []string{"example.hash"},
		MaxInFlight: 16, ResumeWindow: durationpb.New(30 * time.Second)}
	for _, lease := range w.held {
		hello.Held = append(hello.Held, lease)
	}
	again := &pb.WorkRequest{Drain: w.drain} // what was finished while the connection was away
	for _, outcome := range w.unsent {
		again.Outcomes = append(again.Outcomes, outcome)
	}
	w.lock.Unlock()
	w.sending.Lock()
	w.stream = stream
	_ = stream.Send(&pb.WorkRequest{Hello: hello})
	w.sending.Unlock()
	w.send(again)
	for {
		update, err := stream.Recv()
		if err == io.EOF {
			return welcomed, nil
		} else if err != nil {
			return welcomed, err
		}
		if update.Welcome != nil {
			welcomed = true
			go w.beat(ctx, update.Welcome.Heartbeat.AsDuration()/2)
			w.forget(update.Welcome.Lost)
			fmt.Println("worker", update.Welcome.WorkerId, "is ready")
		}
		for _, result := range update.Results {
			switch codes.Code(result.StatusCode) {
			case codes.Unavailable, codes.ResourceExhausted:
				go w.sendLater(ctx, result.Lease)
			default:
				w.forget([]*pb.JobLease{result.Lease})
			}
		}
		w.send(&pb.WorkRequest{AckSeq: update.Seq})
		for _, job := range update.Jobs {
			w.lock.Lock()
			w.held[job.Lease.Token] = job.Lease
			w.lock.Unlock()
			go w.finish(job)
		}
	}
}

func (w *worker) beat(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			w.send(&pb.WorkRequest{}) // any message renews the leases
		}
	}
}

func (w *worker) finish(job *pb.Assignment) {
	outcome := run(job)
	w.lock.Lock()
	w.unsent[job.Lease.Token] = outcome
	w.lock.Unlock()
	w.send(&pb.WorkRequest{Outcomes: []*pb.Outcome{outcome}})
}

// The store did not take an outcome just now.
func (w *worker) sendLater(ctx context.Context, lease *pb.JobLease) {
	select {
	case <-ctx.Done(): // sent again after the reconnect
	case <-time.After(time.Second):
		w.lock.Lock()
		outcome := w.unsent[lease.Token]
		w.lock.Unlock()
		if outcome != nil {
			w.send(&pb.WorkRequest{Outcomes: []*pb.Outcome{outcome}})
		}
	}
}

func (w *worker) forget(leases []*pb.JobLease) {
	w.lock.Lock()
	defer w.lock.Unlock()
	for _, lease := range leases {
		delete(w.held, lease.Token)
		delete(w.unsent, lease.Token)
	}
}
