package stage

import (
	"fmt"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/freshet-io/freshet/examples/conformance/internal/script"
)

// judge checks how each call was answered; the step is the one that says how.
func (b *batch) judge(s *script.Step) {
	for i, c := range b.calls {
		if c.panicked != nil {
			b.stage.Failf("the call panicked: %v", c.panicked)
		}
		if text := b.faultOf(c, s); text != "" {
			if len(b.calls) > 1 {
				text = fmt.Sprintf("call %d of %d: %s", i+1, len(b.calls), text)
			}
			b.stage.Failf("%s", text)
		}
	}
}

// faultOf says what is wrong with how a call was answered, "" if nothing is.
func (b *batch) faultOf(c *call, s *script.Step) string {
	if s.Want == script.Err {
		return wrongError(c.err, parseCode(s.Code), s.Reason)
	}
	if c.err != nil {
		return fmt.Sprintf("got %v, want %s", c.err, s.Want)
	}
	got, how := b.stage.answered(c)
	switch s.Want {
	case got, script.OK:
		return ""
	case script.Stale:
		if got == script.Hit || got == script.Validated { // in the background
			return ""
		}
	case script.Fetched:
		if got == script.Miss || got == script.Collapsed {
			return ""
		}
	}
	return fmt.Sprintf("got %s (%s), want %s", got, how, s.Want)
}

func wrongError(err error, code codes.Code, reason string) string {
	if err == nil {
		return fmt.Sprintf("got a reply, want %v", code)
	}
	st := status.Convert(err)
	if st.Code() != code {
		return fmt.Sprintf("got %v, want %v", err, code)
	}
	if reason == "" {
		return ""
	}
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetReason() == reason {
			return ""
		}
	}
	return fmt.Sprintf("got %v without an ErrorInfo of reason %s", err, reason)
}

// answered finds out from the origin's log where a reply comes from.
func (st *Stage) answered(c *call) (how script.Want, why string) {
	validated, asked := false, false
	for _, r := range st.origin.since(c.begin) {
		asked = true
		validated = validated || r.conditional && r.code == codes.OK
	}
	serial, has := serialOf(c.reply)
	if !has || serial == 0 {
		switch {
		case validated:
			return script.Validated, "no serial, a conditional call"
		case asked:
			return script.Miss, "no serial, the origin was asked"
		default:
			return script.Hit, "no serial, the origin was not asked"
		}
	}
	r, ok := st.origin.of(serial)
	switch {
	case !ok:
		return script.OK, fmt.Sprintf("serial %d, which the origin never gave", serial)
	case r.start > c.begin:
		return script.Miss, fmt.Sprintf("serial %d, of a call begun later", serial)
	case r.end == 0 || r.end > c.begin:
		return script.Collapsed, fmt.Sprintf("serial %d, of a call under way", serial)
	case validated:
		return script.Validated, fmt.Sprintf("serial %d, validated", serial)
	default:
		return script.Hit, fmt.Sprintf("serial %d, of an earlier call", serial)
	}
}

func serialOf(m proto.Message) (int64, bool) {
	r := m.ProtoReflect()
	fd := r.Descriptor().Fields().ByName("serial")
	if fd == nil || fd.Kind() != protoreflect.Int64Kind {
		return 0, false
	}
	return r.Get(fd).Int(), true
}
