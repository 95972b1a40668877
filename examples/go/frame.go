package main

import (
	"encoding/binary"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	rpc "deltastream.example/pb/deltastream/rpc/v1"
)

// Section 2 of docs/rpc.md.
const (
	typeRequest       = 1
	typeResponse      = 2
	typeVersionReject = 3
	typeEvent         = 4
	typeCancel        = 6

	prefaceBytes    = 16
	messageBytesMax = prefaceBytes + 65_536 + 16_777_216
)

// frameEncode returns one frame.
func frameEncode(kind byte, header proto.Message, payload []byte) ([]byte, error) {
	packed, err := proto.Marshal(header)
	if err != nil {
		return nil, err
	}
	frame := make([]byte, prefaceBytes, prefaceBytes+len(packed)+len(payload))
	copy(frame, "DSR\x01")
	frame[4] = kind
	binary.LittleEndian.PutUint32(frame[8:], uint32(len(packed)))
	binary.LittleEndian.PutUint32(frame[12:], uint32(len(payload)))
	return append(append(frame, packed...), payload...), nil
}

// frame is one frame of a message.
type frame struct {
	kind    byte
	header  []byte
	payload []byte
}

// framesDecode returns the frames that a message is made of.
func framesDecode(message []byte) ([]frame, error) {
	var frames []frame
	for len(message) > 0 {
		if len(message) < prefaceBytes || string(message[:3]) != "DSR" {
			return nil, errors.New("a message that is not made of frames")
		}
		headerEnd := prefaceBytes + uint64(binary.LittleEndian.Uint32(message[8:]))
		end := headerEnd + uint64(binary.LittleEndian.Uint32(message[12:]))
		if end > uint64(len(message)) {
			return nil, errors.New("a message that ends inside a frame")
		}
		payload := message[headerEnd:end]
		if message[4] == typeVersionReject && len(payload) == 2 {
			return nil, fmt.Errorf("the server speaks frame versions %d to %d", payload[0], payload[1])
		}
		// We ask for no compressed answers, so that there are no flags.
		if message[3] != 1 || message[5] != 0 {
			return nil, fmt.Errorf("a frame of version %d with flags %d", message[3], message[5])
		}
		frames = append(frames, frame{message[4], message[prefaceBytes:headerEnd], payload})
		message = message[end:]
	}
	return frames, nil
}

// responseDecode reads a message of one RESPONSE frame.
func responseDecode(message []byte) (*rpc.ResponseHeader, []byte, error) {
	frames, err := framesDecode(message)
	if err != nil {
		return nil, nil, err
	}
	if len(frames) != 1 || frames[0].kind != typeResponse {
		return nil, nil, errors.New("an answer that is not one RESPONSE")
	}
	header := &rpc.ResponseHeader{}
	return header, frames[0].payload, proto.Unmarshal(frames[0].header, header)
}
