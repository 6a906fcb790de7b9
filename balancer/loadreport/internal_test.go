package loadreport

import (
	"math"
	"testing"
	"time"

	orcasvc "github.com/cncf/xds/go/xds/service/orca/v3"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Of two that find a tier missing and make it, the second gets what the first has
// made: otherwise one of them would set a tier that nobody reports.
func TestATierIsMadeOnce(t *testing.T) {
	var u utilizations
	first, _, err := u.add("db")
	second, _, errToo := u.add("db")
	if first != second || err != nil || errToo != nil || len(u.all()) != 1 {
		t.Errorf("added twice, a tier is %p and %p of %d, errors %v and %v; want one", first, second, len(u.all()), err, errToo)
	}
}

// A reading of the clock that others have overtaken, or the first within the
// first step, leaves the rates as they are.
func TestRatesNeedTime(t *testing.T) {
	var c counter
	c.begin()
	c.end(rateStep-1, true)
	if r := c.rates(rateStep - 1); r.qps != 0 || r.eps != 0 {
		t.Errorf("after less than a step rates are %+v, want 0", r)
	}
	if r := c.rates(int64(time.Second)); r.qps != 1 || r.eps != 1 {
		t.Errorf("one failure in the first second gives %+v, want rates of 1", r)
	}
	if r := c.rates(0); r.qps != 1 || r.at != int64(time.Second) {
		t.Errorf("a late reading gives %+v, want the rates of 1s", r)
	}
}

// The halves of the counter do not touch each other, however often they wrap.
func TestCounterWraps(t *testing.T) {
	var c counter
	c.word.Store(math.MaxUint32 << 32)
	c.failed.Store(math.MaxUint32)
	c.rates(rateStep)
	if with := c.begin(); with != 0 {
		t.Errorf("the first call finds %d in flight, want 0", with)
	}
	if with := c.begin(); with != 1 {
		t.Errorf("the second call finds %d in flight, want 1", with)
	}
	for _, want := range []uint32{1, 0} {
		if left := c.end(rateStep, true); left != want {
			t.Errorf("a call leaves %d in flight, want %d", left, want)
		}
	}
	left := math.Exp(-1)
	if r := c.rates(rateStep + int64(time.Second)); math.Abs(r.qps-(1e1*math.MaxUint32*left+2*(1-left))) > 1 || r.ended != 1 || r.failed != 1 {
		t.Errorf("2 calls in a second beyond the largest total give %+v", r)
	}
}

func FuzzIntervalOf(f *testing.F) {
	f.Add(int64(0), int32(0))
	f.Add(int64(1), int32(-1))
	f.Add(int64(0), int32(1))
	f.Add(int64(315576000000), int32(999999999))
	f.Add(int64(math.MinInt64), int32(math.MinInt32))
	f.Fuzz(func(t *testing.T, seconds int64, nanos int32) {
		d := &durationpb.Duration{Seconds: seconds, Nanos: nanos}
		got := intervalOf(&orcasvc.OrcaLoadReportRequest{ReportInterval: d})
		asked := d.IsValid() && d.AsDuration() >= minInterval
		if got < minInterval || asked && got != d.AsDuration() || !asked && got != minInterval && got != defaultInterval {
			t.Fatalf("asked for %v, the client gets %v", d, got)
		}
	})
}
