package balancer

import (
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/freshet-io/freshet/balancer/internal/choose"
)

func TestWhoseFaultAStatusIs(t *testing.T) {
	servers := map[codes.Code]bool{
		codes.Unavailable: true, codes.Internal: true, codes.Unknown: true,
		codes.ResourceExhausted: true, codes.DeadlineExceeded: true, codes.DataLoss: true,
	}
	for code := codes.OK; code <= codes.Unauthenticated; code++ {
		want := choose.Refused
		switch {
		case code == codes.OK:
			want = choose.Success
		case code == codes.Canceled:
			want = choose.Unknown
		case servers[code]:
			want = choose.Failure
		}
		if got := outcomeOf(balancer.DoneInfo{Err: status.Error(code, ""), BytesSent: true}); got != want {
			t.Errorf("%v is outcome %d, want %d", code, got, want)
		}
	}
	unsent := balancer.DoneInfo{Err: status.Error(codes.Unavailable, "")}
	if got := outcomeOf(unsent); got != choose.Unknown {
		t.Errorf("UNAVAILABLE of a call that was not sent is outcome %d, want %d", got, choose.Unknown)
	}
	if got := outcomeOf(balancer.DoneInfo{Err: errors.New("plain"), BytesSent: true}); got != choose.Failure {
		t.Errorf("an error without status is outcome %d, want %d", got, choose.Failure)
	}
}

func TestWhatIsAPushback(t *testing.T) {
	for _, tt := range []struct {
		values []string
		want   time.Duration
	}{
		{nil, 0},
		{[]string{"3000"}, 3 * time.Second},
		{[]string{"0"}, 0},
		{[]string{"-1"}, 0},         // not at all: about the call
		{[]string{"soon"}, 0},       // no number
		{[]string{"1", "2"}, 0},     // which?
		{[]string{"4294967296"}, 0}, // no int32
	} {
		if got := pushback(tt.values); got != tt.want {
			t.Errorf("pushback %q is %v, want %v", tt.values, got, tt.want)
		}
	}
}
