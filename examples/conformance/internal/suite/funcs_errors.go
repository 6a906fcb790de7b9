package suite

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/examples/conformance/internal/script"
	"github.com/freshet-io/freshet/examples/conformance/internal/stage"
	"github.com/freshet-io/freshet/examples/conformance/internal/subject"
)

// panics has a codec panic, and an interceptor behind the cache under many callers.
func panics(t *testing.T, s subject.Subject, c *script.Case) error {
	var out atomic.Bool
	behind := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if out.Load() {
			<-time.After(time.Second) // so that others wait
			panic("the interceptor panics, as scripted")
		}
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	opts := stage.Options{Dial: []grpc.DialOption{grpc.WithChainUnaryInterceptor(behind)}}
	return within(t, s, answering(c.Scene, script.Reply{Header: fresh}), opts, func(st *stage.Stage) {
		st.Do(&script.Step{Call: script.Call{Options: []string{"codec=panic"}, Want: script.Err, Code: "INTERNAL"}})
		st.Do(get("1", script.Miss))
		st.Do(get("1", script.Hit))
		out.Store(true)
		st.Do(&script.Step{Call: script.Call{ID: "2", N: 10, Want: script.Err, Code: "INTERNAL"}})
		out.Store(false)
		st.Do(get("2", script.Miss))
		st.Do(get("2", script.Hit))
	})
}

// negativeDetails looks at a cached error's details.
func negativeDetails(t *testing.T, s subject.Subject, c *script.Case) error {
	scene := answering(c.Scene, script.Reply{Code: "NOT_FOUND", RetryDelay: script.Duration(7 * time.Second)})
	scene.Rule = map[string]any{"negative_max_age": "60s"}
	return within(t, s, scene, stage.Options{}, func(st *stage.Stage) {
		for n := range 3 {
			calls := 0
			if n == 0 {
				calls = 1
			}
			step := &script.Step{Call: script.Call{Want: script.Err, Code: "NOT_FOUND"}}
			before := st.Asked()
			st.Do(step)
			if asked := st.Asked() - before; asked != calls {
				st.Failf("%d calls reached the origin, want %d", asked, calls)
			}
			got := status.Convert(st.Answers(step)[0].Err)
			if got.Code() != codes.NotFound || len(got.Details()) != 1 {
				st.Failf("call %d got %v with the details %v, want those of the origin", n+1, got, got.Details())
			}
			if info, ok := got.Details()[0].(*errdetails.RetryInfo); !ok || info.GetRetryDelay().AsDuration() != 7*time.Second {
				st.Failf("call %d got the detail %v, want a RetryInfo of 7 s", n+1, got.Details()[0])
			}
		}
	})
}

// extractorFails has an extractor that does not know some callers.
func extractorFails(t *testing.T, s subject.Subject, c *script.Case) error {
	who := func(ctx context.Context) (string, error) {
		switch v := metadata.ValueFromOutgoingContext(ctx, "authorization"); {
		case len(v) == 0:
			return "", nil
		case v[0] == "broken":
			return "", errors.New("the token cannot be read")
		default:
			return v[0], nil
		}
	}
	scene := answering(c.Scene, script.Reply{Header: fresh})
	scene.Rule = map[string]any{"scope": "PRINCIPAL"}
	return within(t, s, scene, stage.Options{Principal: who}, func(st *stage.Stage) {
		for _, want := range []script.Want{script.Miss, script.Hit} {
			st.Do(&script.Step{Call: script.Call{As: "anna", Want: want}})
		}
		for range 2 {
			st.Do(&script.Step{Call: script.Call{As: "broken", Want: script.Miss}})
		}
		st.Do(&script.Step{Call: script.Call{As: "anna", Want: script.Hit}})
		st.Do(&script.Step{Call: script.Call{Want: script.Miss}})
	})
}
