package fault_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/freshet-io/freshet/resolver/internal/fault"
)

func TestNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n fault.News
		if n.End() {
			t.Error("the end of nothing: got news")
		}
		for i, tt := range []struct {
			after time.Duration
			text  string
			want  bool
		}{
			{0, "a", true},
			{0, "a", false},
			{59 * time.Second, "b", false},
			{time.Second, "a", false},
			{0, "b", true},
			{time.Hour, "b", false},
		} {
			<-time.After(tt.after)
			if got := n.Tell(tt.text); got != tt.want {
				t.Errorf("%d: %q: got %v, want %v", i, tt.text, got, tt.want)
			}
		}
		if !n.End() || n.End() {
			t.Error("the end: want news once")
		}
		if !n.Tell("b") {
			t.Error("a new beginning: got no news")
		}
	})
}
