package stage

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"

	// Registers the codec that the others wrap.
	_ "google.golang.org/grpc/encoding/proto"
)

// protoCodec encodes as protobuf's own codec does, under whatever name.
type protoCodec struct{ name string }

func inner() encoding.CodecV2 { return encoding.GetCodecV2("proto") }

// Marshal encodes.
func (protoCodec) Marshal(v any) (mem.BufferSlice, error) { return inner().Marshal(v) }

// Unmarshal decodes.
func (protoCodec) Unmarshal(data mem.BufferSlice, v any) error { return inner().Unmarshal(data, v) }

// Name is "proto" unless another was given.
func (c protoCodec) Name() string {
	if c.name == "" {
		return "proto"
	}
	return c.name
}

// panicCodec panics when it decodes.
type panicCodec struct{ protoCodec }

// Unmarshal panics.
func (panicCodec) Unmarshal(mem.BufferSlice, any) error {
	panic(fmt.Sprintf("codec %s panics, as scripted", "panic"))
}
