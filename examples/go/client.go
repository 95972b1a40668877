package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"time"

	"go.nanomsg.org/mangos/v3"
	"go.nanomsg.org/mangos/v3/protocol/req"
	_ "go.nanomsg.org/mangos/v3/transport/ipc"
	_ "go.nanomsg.org/mangos/v3/transport/tcp"
	"google.golang.org/protobuf/proto"

	rpc "deltastream.example/pb/deltastream/rpc/v1"
	status "deltastream.example/pb/google/rpc"
)

// callError is a failure that the server answered with.
type callError struct {
	code    uint32
	reason  string
	message string
	fields  []string
}

func (e *callError) Error() string {
	return fmt.Sprintf("code %d, reason %s, fields %v: %s", e.code, e.reason, e.fields, e.message)
}

// client makes calls to one server, from any number of goroutines. Calls travel by one connection and CANCEL
// frames by another, as section 5 wants it.
type client struct {
	calls    mangos.Socket
	cancels  mangos.Socket
	clientID []byte
	lastID   uint64
}

func dial(url string) (*client, error) {
	c := &client{clientID: make([]byte, 16)}
	if _, err := rand.Read(c.clientID); err != nil {
		return nil, err
	}
	for _, socket := range []*mangos.Socket{&c.calls, &c.cancels} {
		var err error
		if *socket, err = socketOpen(url); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

func socketOpen(url string) (mangos.Socket, error) {
	socket, err := req.NewSocket()
	if err != nil {
		return nil, err
	}
	// A retry time of 0: mangos would send a request again by itself after a minute and after a lost connection.
	for name, value := range map[string]interface{}{
		mangos.OptionRetryTime:   time.Duration(0),
		mangos.OptionFailNoPeers: true,
		mangos.OptionMaxRecvSize: messageBytesMax,
	} {
		if err := socket.SetOption(name, value); err != nil {
			socket.Close()
			return nil, err
		}
	}
	if err := socket.Dial(url); err != nil {
		socket.Close()
		return nil, err
	}
	return socket, nil
}

func (c *client) close() {
	for _, socket := range []mangos.Socket{c.calls, c.cancels} {
		if socket != nil {
			socket.Close()
		}
	}
}

// exchange sends a message and waits for its answer until ctx is done.
func exchange(ctx context.Context, socket mangos.Socket, message []byte) ([]byte, error) {
	one, err := socket.OpenContext()
	if err != nil {
		return nil, err
	}
	defer one.Close()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-ctx.Done():
			one.Close()
		case <-stop:
		}
	}()
	if err = one.Send(message); err == nil {
		message, err = one.Recv()
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return message, err
}

// call makes one call; whoever gives it up by ctx has it cancelled at the server.
func (c *client) call(ctx context.Context, method string, request, response proto.Message) error {
	payload, err := proto.Marshal(request)
	if err != nil {
		return err
	}
	header := &rpc.RequestHeader{
		CallId:   binary.BigEndian.AppendUint64(nil, atomic.AddUint64(&c.lastID, 1)),
		ClientId: c.clientID,
		Method:   method,
		SentAtUs: uint64(time.Now().UnixMicro()),
	}
	if deadline, ok := ctx.Deadline(); ok {
		header.TimeoutMs = 1
		if left := time.Until(deadline).Milliseconds(); left > 1 {
			header.TimeoutMs = uint32(left)
		}
	}
	frame, err := frameEncode(typeRequest, header, payload)
	if err != nil {
		return err
	}
	answer, err := exchange(ctx, c.calls, frame)
	if err != nil {
		if ctx.Err() != nil {
			c.giveUp(header.CallId)
		}
		return err
	}
	answered, payload, err := responseDecode(answer)
	if err != nil {
		return err
	}
	if answered.Code != 0 {
		return failure(answered)
	}
	return proto.Unmarshal(payload, response)
}

// giveUp tells the server that nobody waits for a call any more; where it doesn't hear that, nothing is lost but its
// time.
func (c *client) giveUp(callID []byte) {
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	_, _ = c.cancel(ctx, callID)
}

// cancel gives up the call with an id. It tells the code that the server answers: OK, or NOT_FOUND for a call that
// is over.
func (c *client) cancel(ctx context.Context, callID []byte) (uint32, error) {
	frame, err := frameEncode(typeCancel, &rpc.RequestHeader{CallId: callID, ClientId: c.clientID}, nil)
	if err != nil {
		return 0, err
	}
	answer, err := exchange(ctx, c.cancels, frame)
	if err != nil {
		return 0, err
	}
	header, _, err := responseDecode(answer)
	if err != nil {
		return 0, err
	}
	return header.Code, nil
}

// failure reads the typed details of section 3.
func failure(header *rpc.ResponseHeader) error {
	result := &callError{code: header.Code, message: header.Message}
	details := &status.Status{}
	if proto.Unmarshal(header.StatusDetails, details) != nil {
		return result
	}
	for _, detail := range details.Details {
		switch detail.TypeUrl {
		case "type.googleapis.com/google.rpc.ErrorInfo":
			info := &status.ErrorInfo{}
			if proto.Unmarshal(detail.Value, info) == nil && info.Domain == "deltastream" {
				result.reason = info.Reason
			}
		case "type.googleapis.com/google.rpc.BadRequest":
			bad := &status.BadRequest{}
			if proto.Unmarshal(detail.Value, bad) == nil {
				for _, violation := range bad.FieldViolations {
					result.fields = append(result.fields, violation.Field)
				}
			}
		}
	}
	return result
}
