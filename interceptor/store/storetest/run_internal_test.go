package storetest

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/freshet-io/freshet/interceptor/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openMemory(*testing.T) store.Store { return newMemory("") }

func TestRunAcceptsAGoodStore(t *testing.T) {
	Run(t, openMemory, WithMaxValueBytes(memoryMaxValue))
}

func TestRunAcceptsAGoodStoreInRealTime(t *testing.T) {
	Run(t, openMemory, WithRealTime(20*time.Millisecond))
}

// TestRunCatches gives each rule a store that breaks one promise: every such
// store must be caught by some rule.
func TestRunCatches(t *testing.T) {
	for _, fault := range []string{
		"keys cut to 31 bytes", "one bit of a key ignored", "absent value not nil",
		"get works after close", "set works after close", "delete works after close",
		"second close fails", "size after close", "len counts sets", "no bytes",
		"ttl ignored", "ttl 1 ns too long", "ttl 1 ns too short", "first ttl stays",
		"any ttl taken", "refused ttl deletes", "deadline overflows",
		"empty is absent", "first value wins", "former value at times",
		"gives its own slice", "keeps the slice of set", // which race too
		"half a value for a moment", "half a value when cancelled",
		"largest refused", "any size taken", "too large deletes", "too large evicts",
		"too large is another error", "delete does nothing", "delete wants a value",
	} {
		t.Run(fault, func(t *testing.T) {
			var caught []string
			for _, r := range rules {
				if strings.Contains(fault, "slice") && r.name == "concurrent use" {
					continue // it would be the race detector that fails this test
				}
				if said := breaches(t, r, fault); len(said) > 0 {
					caught = append(caught, r.name)
				}
			}
			if len(caught) == 0 {
				t.Errorf("no rule catches a store with the fault %q", fault)
			}
			t.Logf("caught by %q", caught)
		})
	}
}

func TestNoRuleCriesWolf(t *testing.T) {
	for _, r := range rules {
		if said := breaches(t, r, ""); len(said) > 0 {
			t.Errorf("rule %q says of a good store: %q", r.name, said)
		}
	}
}

func TestNoRuleIsRepeated(t *testing.T) {
	var names []string
	for _, r := range rules {
		if slices.Contains(names, r.name) {
			t.Errorf("two rules are called %q", r.name)
		}
		names = append(names, r.name)
	}
}

// breaches returns what a rule has to say of a memory store with a fault.
func breaches(t *testing.T, r rule, fault string) []string {
	t.Helper()
	rec := &recorder{TB: t}
	synctest.Test(t, func(*testing.T) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			r.check(&subject{
				TB:     rec,
				Store:  newMemory(fault),
				config: config{unit: time.Minute, maxValue: memoryMaxValue, seed: 1},
			})
		}()
		<-done
	})
	return rec.said
}

// recorder is a testing.TB that notes failures instead of failing.
type recorder struct {
	testing.TB
	mu   sync.Mutex
	said []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Skip(...any) { runtime.Goexit() }
