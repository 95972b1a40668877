package main

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"go.nanomsg.org/mangos/v3"
	"go.nanomsg.org/mangos/v3/protocol/sub"
	"google.golang.org/protobuf/proto"

	rpc "deltastream.example/pb/deltastream/rpc/v1"
	storage "deltastream.example/pb/deltastream/storage/v1"
)

// events is a subscription of section 10. It says where a number was jumped over, and leaves the asking to a real
// client.
type events struct {
	socket mangos.Socket
	epoch  uint64
	next   uint64
}

// subscribe returns when the publisher's first word has come: whatever is accepted after that, comes.
func subscribe(urls []string, kind string) (*events, error) {
	if len(urls) == 0 {
		return nil, errors.New("the server publishes no events where we can reach them")
	}
	socket, err := sub.NewSocket()
	if err != nil {
		return nil, err
	}
	e := &events{socket: socket}
	if err = e.begin(urls[0], kind); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

func (e *events) begin(url string, kind string) error {
	if err := e.socket.SetOption(mangos.OptionRecvDeadline, time.Minute); err != nil {
		return err
	}
	if err := e.socket.SetOption(mangos.OptionSubscribe, kind); err != nil {
		return err
	}
	if err := e.socket.Dial(url); err != nil {
		return err
	}
	_, err := e.receive()
	return err
}

func (e *events) close() {
	e.socket.Close()
}

// receive prints the events of the next message and returns how many these are.
func (e *events) receive() (int, error) {
	message, err := e.socket.Recv()
	if err != nil {
		return 0, err
	}
	topicEnd := bytes.IndexByte(message, 0)
	if topicEnd < 0 {
		return 0, errors.New("an event without a topic")
	}
	frames, err := framesDecode(message[topicEnd+1:])
	if err != nil {
		return 0, err
	}
	count := 0
	for _, one := range frames {
		header := &rpc.EventHeader{}
		if err := proto.Unmarshal(one.header, header); err != nil {
			return 0, err
		}
		if one.kind != typeEvent || !e.follow(header) {
			continue
		}
		tick := &storage.Tick{}
		if err := proto.Unmarshal(one.payload, tick); err != nil {
			return 0, err
		}
		fmt.Printf("event %s %d %.2f\n", header.Topic, header.Sequence, tick.GetPrice())
		count++
	}
	return count, nil
}

// follow tells whether the frame brings a row that has not come before.
func (e *events) follow(header *rpc.EventHeader) bool {
	newest := header.Sequence
	if header.IsHeartbeat {
		newest = header.NewestSequence + 1
	}
	if header.Epoch != e.epoch {
		e.epoch, e.next = header.Epoch, newest
	}
	if newest > e.next {
		fmt.Printf("missed %d to %d\n", e.next, newest-1)
		e.next = newest
	}
	if header.IsHeartbeat || header.IsLeftOut || header.Sequence < e.next {
		return false
	}
	e.next++
	return true
}

// print receives until so many events have come.
func (e *events) print(count int) error {
	for count > 0 {
		some, err := e.receive()
		if err != nil {
			return err
		}
		count -= some
	}
	return nil
}
