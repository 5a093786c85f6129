package server

import (
	"bytes"
	"fmt"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// boundedCodec is gRPC's own, with as many values in a request as JSON may have:
// two bytes of one, an empty part, are a hundred once they are decoded.
type boundedCodec struct{ encoding.CodecV2 }

// tooManyValues and undecodable are all that a request has that was not decoded.
// gRPC makes an internal error without details of a codec's, and sends it before
// anyone else sees it; [grpcBinding.admitMessage] knows the right ones.
var (
	tooManyValues = protowire.AppendVarint(protowire.AppendTag(nil, protowire.FirstReservedNumber, protowire.VarintType), 1)
	undecodable   = protowire.AppendVarint(protowire.AppendTag(nil, protowire.FirstReservedNumber, protowire.VarintType), 2)
)

func checkDecoded(req proto.Message) error {
	switch unknown := req.ProtoReflect().GetUnknown(); {
	case bytes.Equal(unknown, tooManyValues):
		return refuse(errTooLarge, fmt.Sprintf("at most %d values are taken", maxValues))
	case bytes.Equal(unknown, undecodable):
		return refuse(errInvalidRequest, "the message is no "+string(req.ProtoReflect().Descriptor().FullName()))
	}
	return nil
}

// Unmarshal reads a message. A value has two bytes at least, so a short one needs
// no counting.
func (c boundedCodec) Unmarshal(data mem.BufferSlice, v any) error {
	req, ok := v.(addressed)
	if !ok {
		return c.CodecV2.Unmarshal(data, v)
	}
	buf := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer buf.Free()
	text := buf.ReadOnlyData()
	switch {
	case len(text) > 2*maxValues && countValues(text, req.ProtoReflect().Descriptor(), maxNesting) > maxValues:
		req.ProtoReflect().SetUnknown(tooManyValues)
	case proto.Unmarshal(text, req) != nil:
		proto.Reset(req)
		req.ProtoReflect().SetUnknown(undecodable)
	}
	return nil
}

// countValues counts the messages and the elements of lists that data holds as a
// message of desc, up to the first fault, and gives up beyond maxValues. What
// nests deeper than left counts as what it could hold.
func countValues(data []byte, desc protoreflect.MessageDescriptor, left int) (n int) {
	for len(data) > 0 && n <= maxValues {
		number, kind, head := protowire.ConsumeTag(data)
		if head < 0 {
			return n
		}
		length := protowire.ConsumeFieldValue(number, kind, data[head:])
		if length < 0 {
			return n
		}
		value := data[head : head+length]
		data = data[head+length:]
		field := desc.Fields().ByNumber(number)
		switch {
		case field == nil:
		case field.Message() != nil && kind == protowire.BytesType:
			inner, _ := protowire.ConsumeBytes(value)
			if n++; left == 0 {
				n += len(inner) / 2
			} else {
				n += countValues(inner, field.Message(), left-1)
			}
		case field.IsList():
			n++
		}
	}
	return n
}
