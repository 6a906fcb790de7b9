package file

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/resolver"
)

// However soon a hint comes, a reading is followed by a rest: a policy may give
// hints in a tight loop.
func TestHintsDoNotShortenTheRest(t *testing.T) {
	for _, tt := range []struct {
		name  string
		hints int
		want  time.Duration
	}{
		{"no hint", 0, time.Minute},
		{"one", 1, settle},
		{"many are one", 1000, settle},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &watcher{hint: make(chan struct{}, 1)}
				for range tt.hints {
					w.ResolveNow(resolver.ResolveNowOptions{})
				}
				start := time.Now()
				w.sleep(context.Background(), time.Minute, settle)
				if got := time.Since(start); got != tt.want {
					t.Errorf("slept %v, want %v", got, tt.want)
				}
			})
		})
	}
}

// blocking is a channel that is busy with an update until it is released.
type blocking struct {
	resolver.ClientConn

	entered, release chan struct{}
}

func (b blocking) UpdateState(resolver.State) error {
	close(b.entered)
	<-b.release
	return nil
}

func TestCloseWaitsForTheGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cc := blocking{entered: make(chan struct{}), release: make(chan struct{})}
		ctx, stop := context.WithCancel(t.Context())
		w := &watcher{
			out: publisher{cc: cc, list: plain([]string{"a:1"}), refusals: 1}, interval: time.Hour,
			hint: make(chan struct{}, 1), stop: stop, stopped: make(chan struct{}),
		}
		w.file.taken = &reading{} // reads the path "", which is missing: unsettled
		go w.run(ctx)
		<-cc.entered
		closed := make(chan struct{})
		go func() { w.Close(); close(closed) }()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("Close returned while the goroutine was publishing")
		default:
		}
		close(cc.release)
		<-closed
	})
}
