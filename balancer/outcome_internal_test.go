package balancer

import (
	"errors"
	"testing"

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
