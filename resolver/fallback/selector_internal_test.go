package fallback

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/resolver/manual"

	"github.com/freshet-io/freshet/resolver/internal/decorate"
	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
)

// A timer that fires while a list comes in may get the mutex after it.
func TestATimerThatIsTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, err := decorate.NewSource(manual.NewBuilderWithScheme("m"), "")
		if err != nil {
			t.Fatal(err)
		}
		cc := resolvertest.NewChannel(t)
		s := newSelector("both", []decorate.Source{source, source}, config{delay: time.Minute}, cc)
		late := s.pending
		for r, list := range []string{"a:1", "b:1"} {
			if err := s.sides[r].Update(resolvertest.State(list)); err != nil {
				t.Errorf("%v: got %v, want no error", rank(r), err)
			}
		}
		s.expire(late)
		s.sides[primary].Error(errors.New("down"))
		s.expire(late)
		cc.Want("a:1")

		timer := s.pending.timer
		s.close()
		if timer.Stop() {
			t.Error("close left the timer running")
		}
	})
}
