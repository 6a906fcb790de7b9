package keep

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/freshet-io/freshet/resolver/internal/decorate"
	"github.com/freshet-io/freshet/resolver/internal/resolvertest"
)

// A timer that fires while a list comes in may get the mutex after it.
func TestATimerThatIsTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cc := resolvertest.NewChannel(t)
		f := &filter{out: decorate.NewOutlet(cc), bound: time.Minute}
		update := func(s resolver.State) {
			if err := f.Update(s); err != nil {
				t.Errorf("got %v, want no error", err)
			}
		}
		update(resolvertest.State("a:1"))
		f.Error(errors.New("down"))
		late := f.held
		update(resolvertest.State("a:1 b:1"))
		f.expire(late)
		f.Error(errors.New("down again"))
		f.expire(late)
		cc.Want("a:1", "a:1 b:1")

		timer := f.held.timer
		f.Close()
		if timer.Stop() {
			t.Error("Close left the timer running")
		}
	})
}
