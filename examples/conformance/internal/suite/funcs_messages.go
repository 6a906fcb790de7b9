package suite

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/freshet-io/freshet/examples/conformance/internal/script"
	"github.com/freshet-io/freshet/examples/conformance/internal/stage"
	"github.com/freshet-io/freshet/examples/conformance/internal/subject"
	testv1 "github.com/freshet-io/freshet/proto/freshet/test/v1"
)

// fresh lets replies be reused for an hour.
var fresh = []string{"cache-control: max-age=3600"}

// mutation scribbles over a reply of each kind in turn: of a miss, and of hits until a cache
// that keeps what is asked for often in another way does so.
func mutation(t *testing.T, s subject.Subject, c *script.Case) error {
	reply := script.Reply{Header: fresh, Body: "the origin's", Size: 100, Strange: true}
	scene := answering(c.Scene, reply)
	scene.MaxBytes = 32 << 20
	return within(t, s, scene, stage.Options{}, func(st *stage.Stage) {
		want := &testv1.GetProductResponse{Serial: 1, Product: stage.Product("1", reply)}
		for n := range 8 {
			step := get("1", script.Hit)
			if n == 0 {
				step = get("1", script.Miss)
			}
			got := st.Answers(step)[0].Reply
			if !proto.Equal(got, want) {
				st.Failf("call %d got %v, want %v", n+1, got, want)
			}
			scribble(got.ProtoReflect())
		}
	})
}

// collapsedMutation scribbles over the replies of those who waited for one call, one after the other.
func collapsedMutation(t *testing.T, s subject.Subject, c *script.Case) error {
	reply := script.Reply{Header: fresh, Body: "the origin's", Size: 100, Delay: script.Duration(1e9)}
	return within(t, s, answering(c.Scene, reply), stage.Options{}, func(st *stage.Stage) {
		want := &testv1.GetProductResponse{Serial: 1, Product: stage.Product("1", reply)}
		for n, a := range st.Answers(&script.Step{Call: script.Call{N: 10, Want: script.Fetched}}) {
			if !proto.Equal(a.Reply, want) {
				st.Failf("caller %d has %v, want %v", n+1, a.Reply, want)
			}
			scribble(a.Reply.ProtoReflect())
		}
		if got := st.Answers(get("1", script.Hit))[0].Reply; !proto.Equal(got, want) {
			st.Failf("a later caller has %v, want %v", got, want)
		}
	})
}

// scribble changes all that a message holds, in place.
func scribble(m protoreflect.Message) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsMap():
			v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
				scribbleValue(fd.MapValue(), v)
				if fd.MapValue().Message() == nil {
					m.Mutable(fd).Map().Set(k, other(fd.MapValue(), v))
				}
				return true
			})
		case fd.IsList():
			list := v.List()
			for i := range list.Len() {
				scribbleValue(fd, list.Get(i))
				if fd.Message() == nil {
					list.Set(i, other(fd, list.Get(i)))
				}
			}
			if n := list.Len(); fd.Message() == nil && n > 0 {
				list.Append(list.Get(n - 1))
			} else {
				list.AppendMutable()
			}
		default:
			scribbleValue(fd, v)
			if fd.Message() == nil {
				m.Set(fd, other(fd, v))
			}
		}
		return true
	})
	unknown := m.GetUnknown()
	for i := range unknown { // the bytes of the slice itself, which may be somebody else's, too
		unknown[i] ^= 0xff
	}
	m.SetUnknown(nil)
}

func scribbleValue(fd protoreflect.FieldDescriptor, v protoreflect.Value) {
	switch fd.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		scribble(v.Message())
	case protoreflect.BytesKind:
		for i := range v.Bytes() {
			v.Bytes()[i] ^= 0xff
		}
	}
}

// other is another value of the field's type.
func other(fd protoreflect.FieldDescriptor, v protoreflect.Value) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString("scribbled")
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(-99)
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(-99)
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(!v.Bool())
	}
	return v
}

// metadataMutation scribbles over header and trailer.
func metadataMutation(t *testing.T, s subject.Subject, c *script.Case) error {
	reply := script.Reply{Header: append([]string{"x-mine: a", "x-mine: b"}, fresh...), Trailer: []string{"x-last: c"}}
	return within(t, s, answering(c.Scene, reply), stage.Options{}, func(st *stage.Stage) {
		for n := range 4 {
			step := get("1", script.Hit)
			if n == 0 {
				step = get("1", script.Miss)
			}
			a := st.Answers(step)[0]
			if h, l := a.Header.Get("x-mine"), a.Trailer.Get("x-last"); len(h) != 2 || h[0] != "a" || h[1] != "b" || len(l) != 1 || l[0] != "c" {
				st.Failf("call %d has the header %q and the trailer %q, want [a b] and [c]", n+1, h, l)
			}
			a.Header.Get("x-mine")[0] = "scribbled"
			a.Trailer.Get("x-last")[0] = "scribbled"
			a.Header.Append("x-mine", "more")
			delete(a.Trailer, "x-last")
		}
	})
}

// strangeMessages sends what is easily lost on the way through a cache.
func strangeMessages(t *testing.T, s subject.Subject, c *script.Case) error {
	reply := script.Reply{Header: fresh, Strange: true}
	scene := answering(c.Scene, reply)
	scene.MaxBytes = 32 << 20
	return within(t, s, scene, stage.Options{}, func(st *stage.Stage) {
		want := &testv1.GetProductResponse{Serial: 1, Product: stage.Product("1", reply)}
		for n := range 8 {
			step := get("1", script.Hit)
			if n == 0 {
				step = get("1", script.Miss)
			}
			if got := st.Answers(step)[0].Reply; !proto.Equal(got, want) {
				st.Failf("call %d got %v, want %v", n+1, got, want)
			}
		}
	})
}
