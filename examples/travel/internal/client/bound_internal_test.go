package client

import (
	"testing"
	"time"

	"github.com/freshet-io/freshet/examples/travel/internal/load"
	"github.com/freshet-io/freshet/interceptor/cache"
)

func TestBound(t *testing.T) {
	for _, tt := range []struct {
		name   string
		kind   load.Kind
		result cache.Result
		want   time.Duration
	}{
		{"an airport from the cache", load.GetAirport, cache.Hit, 10 * time.Minute},
		{"when no server answers", load.GetAirport, cache.Stale, 10*time.Minute + 24*time.Hour},
		{"from a server", load.GetAirport, cache.Miss, 0},
		{"in the baseline", load.GetAirport, cache.Bypass, 0},
		{"a fare from the cache", load.GetFare, cache.Hit, 2 * time.Second},
		{"in another caller's call", load.GetFare, cache.Collapsed, 2 * time.Second},
		{"a fare when no server answers", load.GetFare, cache.Stale, 4 * time.Second},
		{"a seat, wherever from", load.GetSeat, cache.Hit, 0},
		{"a write", load.SetFare, cache.Bypass, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := bound(tt.kind, tt.result); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
