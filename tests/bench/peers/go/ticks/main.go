// The grpc-go and grpc-gateway peers of GET /v1/ticks/{product}; the rows are in memory, newest first:
//
//	ticks storage ROWS unix:/path                 grpc-go
//	ticks gateway unix:/path 127.0.0.1:0          grpc-gateway, which calls the one above
//	ticks both    ROWS 127.0.0.1:0                grpc-gateway and the service in one process
//
// ROWS is a file of one JSON object a line. Each prints "ready URL" and ends on SIGTERM. Settings of Go (GOGC,
// GOMEMLIMIT, GOMAXPROCS) come from the environment; STREAM_WORKERS is grpc.NumStreamWorkers.
package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"deltastream/bench/peers/gen/ticks"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
)

const (
	limitDefault = 100
	limitMax     = 10000
)

func must(err error) {
	if err != nil {
		log.Fatal("ticks: ", err)
	}
}

type server struct {
	ticks.UnimplementedStorageServer
	rows map[string][]*ticks.Tick // newest first, without their product
}

// readRows leaves the product out of the rows: a reply names it once.
func readRows(path string) map[string][]*ticks.Tick {
	file, err := os.Open(path)
	must(err)
	defer file.Close()
	rows := map[string][]*ticks.Tick{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		row := &ticks.Tick{}
		must(protojson.Unmarshal(lines.Bytes(), row))
		product := row.Product
		row.Product = ""
		rows[product] = append(rows[product], row)
	}
	for _, list := range rows {
		slices.SortFunc(list, func(a, b *ticks.Tick) int {
			return b.Timestamp.AsTime().Compare(a.Timestamp.AsTime())
		})
	}
	return rows
}

// first is the place in the list that a page token names; the token is not signed.
func first(token string) (int, error) {
	if token == "" {
		return 0, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(text))
}

func (s *server) ListTicks(_ context.Context, request *ticks.ListTicksRequest) (*ticks.ListTicksResponse, error) {
	limit := limitDefault
	if request.Limit != nil {
		limit = int(*request.Limit)
	}
	if limit < 1 || limit > limitMax {
		return nil, status.Errorf(codes.InvalidArgument, "limit has to be 1 to %d", limitMax)
	}
	list := s.rows[request.Product]
	begin, err := first(request.PageToken)
	if err != nil || begin < 0 || begin > len(list) {
		return nil, status.Error(codes.InvalidArgument, "page_token is none of ours")
	}
	end := min(begin+limit, len(list))
	reply := &ticks.ListTicksResponse{Product: request.Product, Count: int32(end - begin), Ticks: list[begin:end]}
	if end < len(list) {
		reply.NextPageToken = base64.RawURLEncoding.EncodeToString(strconv.AppendInt(nil, int64(end), 10))
	}
	return reply, nil
}

func untilTerminated(stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	<-signals
	stop()
}

func serveStorage(rows, url string) {
	workers, err := strconv.ParseUint(cmp.Or(os.Getenv("STREAM_WORKERS"), "0"), 10, 32)
	must(err)
	listener, err := net.Listen("unix", strings.TrimPrefix(url, "unix:"))
	must(err)
	s := grpc.NewServer(grpc.NumStreamWorkers(uint32(workers)))
	ticks.RegisterStorageServer(s, &server{rows: readRows(rows)})
	go func() { must(s.Serve(listener)) }()
	fmt.Println("ready", url)
	untilTerminated(s.Stop)
}

// newMux writes names as the .proto has them and nothing that is absent, as what it is measured beside does.
func newMux() *runtime.ServeMux {
	return runtime.NewServeMux(runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.JSONPb{
		MarshalOptions:   protojson.MarshalOptions{UseProtoNames: true},
		UnmarshalOptions: protojson.UnmarshalOptions{DiscardUnknown: true},
	}))
}

func serveHTTP(mux http.Handler, address string) {
	listener, err := net.Listen("tcp", address)
	must(err)
	s := &http.Server{Handler: mux}
	go func() { _ = s.Serve(listener) }()
	fmt.Println("ready http://" + listener.Addr().String())
	untilTerminated(func() { _ = s.Close() })
}

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: ticks storage ROWS URL | ticks gateway URL ADDRESS | ticks both ROWS ADDRESS")
	}
	switch mux := newMux(); os.Args[1] {
	case "storage":
		serveStorage(os.Args[2], os.Args[3])
	case "gateway":
		connection, err := grpc.NewClient(os.Args[2], grpc.WithTransportCredentials(insecure.NewCredentials()))
		must(err)
		must(ticks.RegisterStorageHandler(context.Background(), mux, connection))
		serveHTTP(mux, os.Args[3])
	case "both":
		must(ticks.RegisterStorageHandlerServer(context.Background(), mux, &server{rows: readRows(os.Args[2])}))
		serveHTTP(mux, os.Args[3])
	default:
		log.Fatal("ticks: storage, gateway or both")
	}
}
