package memory_test

import (
	"testing"
	"time"

	"github.com/freshet-io/freshet/balancer/internal/memory"
)

func TestDropKeepsNothing(t *testing.T) {
	var m memory.Memory[int]
	owner, now := new(int), time.Now()
	one, two := m.Open(owner, now), m.Open(owner, now)
	first := one.Take("a")
	shared := one.Take("b")
	if two.Take("b") != shared {
		t.Fatal("two leases of one owner do not share")
	}
	one.Drop("a")
	one.Drop("a")
	one.Drop("b")
	if one.Take("a") == first {
		t.Error("what was dropped is still there")
	}
	if one.Take("b") != shared {
		t.Error("what another lease holds was dropped for both")
	}
	one.Close(now)
	two.Close(now)
}
