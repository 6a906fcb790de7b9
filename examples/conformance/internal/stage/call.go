package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/freshet-io/freshet/examples/conformance/internal/script"
	"github.com/freshet-io/freshet/examples/conformance/internal/subject"
)

// batch are calls alike, under way or ended.
type batch struct {
	stage  *Stage
	step   *script.Step
	ctx    context.Context
	cancel context.CancelFunc
	calls  []*call
	done   chan struct{}
}

// call is one call and what came of it.
type call struct {
	begin           int64
	took            time.Duration
	reply           proto.Message
	header, trailer metadata.MD
	err             error
	panicked        any
	words           func() []string
}

// Start makes the calls of a step.
func (st *Stage) Start(s *script.Step) *batch {
	b := &batch{stage: st, step: s, done: make(chan struct{})}
	b.ctx, b.cancel = context.WithCancel(st.ctx)
	b.calls = make([]*call, max(1, s.N))
	for i := range b.calls {
		b.calls[i] = &call{begin: st.origin.now()}
	}
	target := s.Target
	if target == "" {
		target = "shop"
	}
	ch, err := st.dial(target)
	need(err)
	make1 := b.prepare(ch.conn)
	go func() {
		defer close(b.done)
		var all sync.WaitGroup
		for i, c := range b.calls {
			if s.Every > 0 {
				if i > 0 {
					<-time.After(s.Every.D())
				}
				c.begin = st.origin.now()
				make1(c)
				continue
			}
			all.Go(func() { make1(c) })
		}
		all.Wait()
	}()
	return b
}

func (b *batch) wait() { <-b.done }

// prepare returns what makes one of the calls.
func (b *batch) prepare(conn *grpc.ClientConn) func(*call) {
	s := b.step
	method := s.Method
	if method == "" {
		method = "GetProduct"
	}
	desc := methodOf(method)
	request := requestOf(desc, &s.Call)
	md := pairs(s.MD)
	if s.As != "" {
		md.Append("authorization", s.As)
	}
	opts := b.options()
	return func(c *call) {
		ctx, cancel := metadata.NewOutgoingContext(b.ctx, md), context.CancelFunc(func() {})
		if s.Deadline > 0 {
			ctx, cancel = context.WithTimeout(ctx, s.Deadline.D())
		}
		defer cancel()
		opts := append(opts[:len(opts):len(opts)], grpc.Header(&c.header), grpc.Trailer(&c.trailer))
		if r, ok := b.stage.Cache.(subject.Reporter); ok {
			var o grpc.CallOption
			o, c.words = r.Report()
			opts = append(opts, o)
		}
		c.reply = newMessage(desc.Output())
		start := time.Now()
		defer func() {
			c.took, c.panicked = time.Since(start), recover()
			if b.stage.ruled[service+method] {
				b.stage.counted.Add(1)
			}
		}()
		if desc.IsStreamingServer() || desc.IsStreamingClient() {
			c.err = stream(ctx, conn, desc, request, c, opts)
			return
		}
		c.err = conn.Invoke(ctx, service+method, request, c.reply, opts...)
	}
}

func (b *batch) options() []grpc.CallOption {
	var out []grpc.CallOption
	for _, o := range b.step.Options {
		name, value, _ := strings.Cut(o, "=")
		switch name {
		case "codec":
			if value == "panic" {
				out = append(out, grpc.ForceCodecV2(panicCodec{}))
				continue
			}
			out = append(out, grpc.ForceCodecV2(protoCodec{name: value}))
		case "max-recv":
			n, err := strconv.Atoi(value)
			need(err)
			out = append(out, grpc.MaxCallRecvMsgSize(n))
		case "gzip":
			out = append(out, grpc.UseCompressor("gzip"))
		case "wait-for-ready":
			out = append(out, grpc.WaitForReady(true))
		default:
			w, ok := b.stage.Cache.(subject.Wisher)
			if !ok {
				b.stage.Missing("call option " + name)
			}
			opt, ok := w.Option(name, value)
			if !ok {
				b.stage.Missing("call option " + name)
			}
			out = append(out, opt)
		}
	}
	return out
}

func methodOf(name string) protoreflect.MethodDescriptor {
	full := protoreflect.FullName(strings.Trim(strings.ReplaceAll(service, "/", "."), ".") + "." + name)
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(full)
	need(err)
	m, ok := d.(protoreflect.MethodDescriptor)
	if !ok {
		panic(fault("Setup", "%s is no method", full))
	}
	return m
}

func newMessage(d protoreflect.MessageDescriptor) proto.Message {
	t, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	need(err)
	return t.New().Interface()
}

// requestOf makes the request of a call.
func requestOf(m protoreflect.MethodDescriptor, c *script.Call) proto.Message {
	msg := newMessage(m.Input())
	if c.Request != "" {
		need(protojson.Unmarshal([]byte(c.Request), msg))
	} else {
		id := c.ID
		if id == "" {
			id = "1"
		}
		if c.IDBytes > 0 {
			id = strings.Repeat(id, c.IDBytes)[:c.IDBytes]
		}
		setID(msg.ProtoReflect(), id)
	}
	if c.Unknown > 0 {
		raw := protowire.AppendTag(nil, 3000, protowire.VarintType)
		msg.ProtoReflect().SetUnknown(protowire.AppendVarint(raw, uint64(c.Unknown)))
	}
	return msg
}

// setID puts the id into the field that is for it.
func setID(m protoreflect.Message, id string) {
	for _, name := range []protoreflect.Name{"id", "word", "name"} {
		if fd := m.Descriptor().Fields().ByName(name); fd != nil && fd.Kind() == protoreflect.StringKind && !fd.IsList() {
			m.Set(fd, protoreflect.ValueOfString(id))
			return
		}
	}
	if fd := m.Descriptor().Fields().ByName("product"); fd != nil {
		setID(m.Mutable(fd).Message(), id)
	}
}

// stream makes a streaming call: sends the request, and receives to the end.
func stream(ctx context.Context, conn *grpc.ClientConn, m protoreflect.MethodDescriptor, request proto.Message, c *call, opts []grpc.CallOption) error {
	desc := &grpc.StreamDesc{StreamName: string(m.Name()), ServerStreams: m.IsStreamingServer(), ClientStreams: m.IsStreamingClient()}
	cs, err := conn.NewStream(ctx, desc, service+string(m.Name()), opts...)
	if err != nil {
		return err
	}
	if err := cs.SendMsg(request); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("send: %w", err)
	}
	if err := cs.CloseSend(); err != nil {
		return err
	}
	for {
		into := newMessage(m.Output())
		switch err := cs.RecvMsg(into); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		c.reply = into
		if !m.IsStreamingServer() {
			return nil
		}
	}
}
