// A client of DeltaStream in Go, written from docs/rpc.md: mangos for the sockets, protobuf for the messages, and
// none of DeltaStream's own code.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	rpc "deltastream.example/pb/deltastream/rpc/v1"
	storage "deltastream.example/pb/deltastream/storage/v1"
)

const storageService = "deltastream.storage.v1.Storage/"

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: deltastream-example URL, as ipc:///run/deltastream/storage.sock or tcp://127.0.0.1:7001")
	}
	if err := run(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func run(url string) error {
	c, err := dial(url)
	if err != nil {
		return err
	}
	defer c.close()
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	said, err := hello(ctx, c)
	if err != nil {
		return err
	}
	events, err := subscribe(said.EventUrls, "ticks/")
	if err != nil {
		return err
	}
	defer events.close()
	for _, step := range []func(context.Context, *client) error{ingest, list, refused, lateCall, cancelled} {
		if err := step(ctx, c); err != nil {
			return err
		}
	}
	return events.print(3)
}

func hello(ctx context.Context, c *client) (*rpc.HelloResponse, error) {
	response := &rpc.HelloResponse{}
	request := &rpc.HelloRequest{Client: "deltastream-example-go"}
	if err := c.call(ctx, "deltastream.rpc.v1.Control/Hello", request, response); err != nil {
		return nil, err
	}
	fmt.Printf("server speaks frame versions %d to %d\n", response.FrameVersionMin, response.FrameVersionMax)
	for _, service := range response.Services {
		fmt.Printf("service %s\n", service.Name)
	}
	return response, nil
}

func ingest(ctx context.Context, c *client) error {
	request := &storage.IngestTicksRequest{}
	for second := int64(0); second < 3; second++ {
		request.Ticks = append(request.Ticks, &storage.Tick{
			Product:   "NIFTY",
			Price:     proto.Float64(21500 + float64(second)/4),
			TickId:    proto.Int64(second),
			Timestamp: timestamppb.New(time.Unix(1735787045+second, 0)),
		})
	}
	response := &storage.IngestTicksResponse{}
	if err := c.call(ctx, storageService+"IngestTicks", request, response); err != nil {
		return err
	}
	fmt.Printf("stored %d, known %d\n", response.Accepted, response.Duplicate)
	return nil
}

// Page by page, two ticks each.
func list(ctx context.Context, c *client) error {
	request := &storage.ListTicksRequest{Product: "NIFTY", Order: storage.Order_ORDER_ASC, Limit: proto.Int32(2)}
	for {
		response := &storage.ListTicksResponse{}
		if err := c.call(ctx, storageService+"ListTicks", request, response); err != nil {
			return err
		}
		for _, tick := range response.Ticks {
			fmt.Printf("tick %s %s %.2f\n", response.Product, tick.Timestamp.AsTime().Format(time.RFC3339), tick.GetPrice())
		}
		if response.NextPageToken == "" {
			return nil
		}
		request.PageToken = response.NextPageToken
	}
}

func refused(ctx context.Context, c *client) error {
	err := c.call(ctx, storageService+"LatestTick", &storage.LatestTickRequest{}, &storage.Tick{})
	var failed *callError
	if !errors.As(err, &failed) {
		return fmt.Errorf("a call without a product: %v", err)
	}
	fmt.Printf("refused with %v\n", failed)
	return nil
}

// A call whose time is over before its answer can come; it is cancelled at the server.
func lateCall(ctx context.Context, c *client) error {
	short, stop := context.WithTimeout(ctx, time.Nanosecond)
	defer stop()
	err := c.call(short, storageService+"LatestTick", &storage.LatestTickRequest{Product: "NIFTY"}, &storage.Tick{})
	if !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("a call without time: %v", err)
	}
	fmt.Printf("late: %v\n", err)
	return nil
}

// There is no such call, so the server says so: NOT_FOUND.
func cancelled(ctx context.Context, c *client) error {
	code, err := c.cancel(ctx, []byte("nobody's"))
	if err != nil {
		return err
	}
	fmt.Printf("cancel of an unknown call: code %d\n", code)
	return nil
}
