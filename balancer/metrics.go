package balancer

import (
	"sync"

	estats "google.golang.org/grpc/experimental/stats"

	"github.com/freshet-io/freshet/balancer/internal/conns"
	"github.com/freshet-io/freshet/balancer/internal/eject"
	"github.com/freshet-io/freshet/balancer/internal/plan"
)

// The policy's instruments (gRFC A79): whoever uses stats/opentelemetry has them
// without further code. "Third parties must not use the grpc. namespace" for
// names; the label grpc.target is gRPC's own.
const (
	labelTarget = "grpc.target"
	labelRule   = "freshet.lb.rule"
	labelReason = "freshet.lb.reason"
	labelResult = "freshet.lb.result"
	labelState  = "freshet.lb.endpoint_state"
)

var (
	picksMetric = estats.RegisterInt64Count(estats.MetricDescriptor{
		Name:        "freshet.lb.picks",
		Description: "Picks by the rule that chose the endpoint: report, two choices, affinity, probation, panic or only. Added up once a second.",
		Unit:        "{pick}",
		Labels:      []string{labelTarget, labelRule},
		Default:     true,
	})
	ejectionsMetric = estats.RegisterInt64Count(estats.MetricDescriptor{
		Name:        "freshet.lb.ejections",
		Description: "Endpoints that were ejected, by reason.",
		Unit:        "{ejection}",
		Labels:      []string{labelTarget, labelReason},
		Default:     true,
	})
	endpointsMetric = estats.RegisterInt64Gauge(estats.MetricDescriptor{
		Name:        "freshet.lb.endpoints",
		Description: "Endpoints by state. Those that are ejected or draining are among the ready ones, too.",
		Unit:        "{endpoint}",
		Labels:      []string{labelTarget, labelState},
		Default:     true,
	})
	probesMetric = estats.RegisterInt64Count(estats.MetricDescriptor{
		Name:        "freshet.lb.probes",
		Description: "Load reports that were asked for outside of calls, by result: ok or failed.",
		Unit:        "{probe}",
		Labels:      []string{labelTarget, labelResult},
		Default:     true,
	})
)

// meter records what one channel does. Its methods may be called concurrently.
type meter struct {
	recorder estats.MetricsRecorder
	target   string

	mu      sync.Mutex
	gone    [plan.Rules]int64 // picks of endpoints that have left
	counted [plan.Rules]int64 // picks that were recorded
	out     map[int]int       // ejected endpoints by priority
}

// departed takes over the counts of an endpoint that has left.
func (m *meter) departed(e *plan.Endpoint) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for r, n := range e.TakePicks() {
		m.gone[r] += n
	}
}

// picks records those of present, the picks of the endpoints that are there, that
// were not recorded before.
func (m *meter) picks(present *[plan.Rules]int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for r, n := range present {
		n += m.gone[r]
		if n > m.counted[r] {
			picksMetric.Record(m.recorder, n-m.counted[r], m.target, ruleOf(plan.Rule(r)).String())
			m.counted[r] = n
		}
	}
}

// swept records what a judgement has found in the endpoints of one priority.
func (m *meter) swept(priority int, s eject.Summary) {
	for reason, n := range s.New {
		m.ejected(eject.Reason(reason), n)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.out[priority] == s.Ejected {
		return
	}
	if m.out == nil {
		m.out = make(map[int]int)
	}
	m.out[priority] = s.Ejected
	sum := 0
	for _, n := range m.out {
		sum += n
	}
	m.endpoints("ejected", sum)
}

func (m *meter) ejected(reason eject.Reason, n int) {
	if n > 0 {
		ejectionsMetric.Record(m.recorder, int64(n), m.target, reason.String())
	}
}

// connections records how many endpoints are in each state.
func (m *meter) connections(c conns.Counts) {
	m.endpoints("ready", c.Ready)
	m.endpoints("connecting", c.Connecting)
	m.endpoints("idle", c.Idle)
	m.endpoints("transient_failure", c.TransientFailure)
}

func (m *meter) endpoints(state string, n int) {
	endpointsMetric.Record(m.recorder, int64(n), m.target, state)
}

func (m *meter) probed(ok bool) {
	result := "ok"
	if !ok {
		result = "failed"
	}
	probesMetric.Record(m.recorder, 1, m.target, result)
}
