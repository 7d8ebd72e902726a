// One small program that is a producer and a worker: `main produce WORD...` and `main work`.
// The stubs in ./gkickv1 come from protoc, see build.sh.
package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"

	pb "example/gkickv1"
)

func main() {
	address := os.Getenv("GKICK_ADDRESS")
	if address == "" {
		address = "127.0.0.1:7450"
	}
	conn, err := grpc.Dial(address, grpc.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	if len(os.Args) > 1 && os.Args[1] == "produce" {
		produce(pb.NewJobServiceClient(conn), os.Args[2:])
	} else {
		work(pb.NewWorkerServiceClient(conn))
	}
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

func work(workers pb.WorkerServiceClient) {
	stream, err := workers.Work(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	var sending sync.Mutex // a stream takes one sender at a time
	send := func(message *pb.WorkRequest) {
		sending.Lock()
		defer sending.Unlock()
		_ = stream.Send(message) // what failed shows at Recv
	}
	send(&pb.WorkRequest{Hello: &pb.WorkerHello{
		Queues: []*pb.QueueSubscription{{Queue: "default"}}, Names: []string{"example.hash"}, MaxInFlight: 16,
	}})
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	go func() { <-stop; send(&pb.WorkRequest{Drain: true}) }()
	for {
		update, err := stream.Recv()
		if err != nil {
			if err.Error() == "EOF" {
				return // drained
			}
			log.Fatal(err)
		}
		if update.Welcome != nil {
			beat := update.Welcome.Heartbeat.AsDuration() / 2
			go func() {
				for range time.Tick(beat) {
					send(&pb.WorkRequest{}) // any message renews the leases
				}
			}()
			fmt.Println("worker", update.Welcome.WorkerId, "is ready")
		}
		send(&pb.WorkRequest{AckSeq: update.Seq})
		for _, job := range update.Jobs {
			go func(job *pb.Assignment) { send(&pb.WorkRequest{Outcomes: []*pb.Outcome{run(job)}}) }(job)
		}
	}
}
