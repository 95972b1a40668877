// The grpc-go peer of rpc_bench, which has the same arguments and prints the same line:
//
//	go_echo serve unix:/path tcp://127.0.0.1:0
//	go_echo call unix:/path|tcp://host:port|direct IN_FLIGHT WARM_SECONDS SECONDS
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"deltastream/bench/peers/gen/echo"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
)

const (
	textBytes    = 197 // with its tag and length 200
	timeout      = time.Minute
	bufconnBytes = 1 << 20
)

type server struct {
	echo.UnimplementedEchoServer
}

func (server) Echo(_ context.Context, request *echo.Text) (*echo.Text, error) {
	return &echo.Text{Text: request.Text}, nil
}

func newServer() *grpc.Server {
	s := grpc.NewServer()
	echo.RegisterEchoServer(s, server{})
	return s
}

func must(err error) {
	if err != nil {
		log.Fatal("go_echo: ", err)
	}
}

// listen understands unix:/path and tcp://host:port and returns the address in use.
func listen(url string) (net.Listener, string) {
	if path, isUnix := strings.CutPrefix(url, "unix:"); isUnix {
		listener, err := net.Listen("unix", path)
		must(err)
		return listener, url
	}
	listener, err := net.Listen("tcp", strings.TrimPrefix(url, "tcp://"))
	must(err)
	return listener, "tcp://" + listener.Addr().String()
}

func serve(urls []string) {
	s := newServer()
	for _, url := range urls {
		listener, inUse := listen(url)
		go func() { must(s.Serve(listener)) }()
		fmt.Println("ready", inUse)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	<-stop
	s.Stop()
}

// connect makes one connection; "direct" stands for a server in this process.
func connect(url string) *grpc.ClientConn {
	options := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	target := strings.TrimPrefix(url, "tcp://")
	if url == "direct" {
		listener := bufconn.Listen(bufconnBytes)
		go func() { must(newServer().Serve(listener)) }()
		target = "passthrough:direct"
		options = append(options, grpc.WithContextDialer(
			func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	}
	connection, err := grpc.NewClient(target, options...)
	must(err)
	return connection
}

// callUntil makes one call after the other and returns how long those took that ended in the time.
func callUntil(client echo.EchoClient, from, until time.Time) []time.Duration {
	var samples []time.Duration
	request := &echo.Text{Text: strings.Repeat("x", textBytes)}
	for {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		begun := time.Now()
		reply, err := client.Echo(ctx, request)
		must(err)
		now := time.Now()
		cancel()
		if len(reply.Text) != textBytes {
			log.Fatal("go_echo: a reply of another size")
		}
		if !now.Before(until) {
			return samples
		}
		if !now.Before(from) {
			samples = append(samples, now.Sub(begun))
		}
	}
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func call(url string, inFlight int, warm, measured float64) {
	client := echo.NewEchoClient(connect(url))
	begun, cpuBefore := time.Now(), cpuTime()
	from := begun.Add(time.Duration(warm * float64(time.Second)))
	until := from.Add(time.Duration(measured * float64(time.Second)))
	results := make([][]time.Duration, inFlight)
	var group sync.WaitGroup
	for i := range results {
		group.Go(func() { results[i] = callUntil(client, from, until) })
	}
	group.Wait()
	cpu, wall := cpuTime()-cpuBefore, time.Since(begun)
	samples := slices.Concat(results...)
	if len(samples) == 0 {
		log.Fatal("go_echo: no call in the time")
	}
	slices.Sort(samples)
	rate := float64(len(samples)) / measured
	us := func(duration time.Duration) float64 { return float64(duration.Nanoseconds()) / 1e3 }
	fmt.Printf("{\"calls_per_second\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"cpu_us_per_call\": %.2f}\n",
		rate, us(samples[len(samples)/2]), us(samples[len(samples)*99/100]), us(cpu)/(rate*wall.Seconds()))
}

func main() {
	if len(os.Args) >= 3 && os.Args[1] == "serve" {
		serve(os.Args[2:])
		return
	}
	if len(os.Args) != 6 || os.Args[1] != "call" {
		log.Fatal("usage: go_echo serve URL... | go_echo call URL|direct IN_FLIGHT WARM_SECONDS SECONDS")
	}
	inFlight, err := strconv.Atoi(os.Args[3])
	must(err)
	warm, err := strconv.ParseFloat(os.Args[4], 64)
	must(err)
	measured, err := strconv.ParseFloat(os.Args[5], 64)
	must(err)
	call(os.Args[2], inFlight, warm, measured)
}
