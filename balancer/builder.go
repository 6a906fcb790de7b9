package balancer

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/serviceconfig"

	"github.com/freshet-io/freshet/balancer/internal/conns"
	"github.com/freshet-io/freshet/balancer/internal/memory"
	"github.com/freshet-io/freshet/balancer/internal/plan"
)

func init() { balancer.Register(builder{}) }

type builder struct{}

func (builder) Name() string { return Name }

// Build returns a balancer, whose clock started with the channel's first.
func (builder) Build(cc balancer.ClientConn, opts balancer.BuildOptions) balancer.Balancer {
	lease := remembered.Open(owner(opts), time.Now())
	b := &freshet{cc: cc, lease: lease, probes: newProbes(), meter: meter{recorder: cc.MetricsRecorder(), target: opts.Target.String()}}
	b.clock.base = lease.Base()
	b.channel = plan.NewChannel(rand.Uint64(), b)
	b.conns = conns.New(cc, opts, conns.Hooks[plan.Endpoint]{Publish: b.publish, Learn: b.learn, Forget: b.forget})
	open.Store(b, struct{}{})
	return b
}

// remembered is what was learnt of endpoints, kept while their channels have no
// balancer: gRPC closes it when a channel goes idle, and builds another one later.
var remembered memory.Memory[plan.Endpoint]

// owner is the same for all balancers of a channel. An interface that holds nothing
// is no owner.
func owner(opts balancer.BuildOptions) any {
	if opts.ChannelzParent == nil {
		return nil
	}
	return opts.ChannelzParent
}

// lbConfig is a checked Config as gRPC passes it around.
type lbConfig struct {
	serviceconfig.LoadBalancingConfig
	Config
}

// ParseConfig reads the policy's part of a service config. "For future
// compatibility reasons, unknown fields in the config should be ignored"
// (balancer.ConfigParser).
func (builder) ParseConfig(raw json.RawMessage) (serviceconfig.LoadBalancingConfig, error) {
	if err := carriedFault(raw); err != nil {
		return nil, err
	}
	c := Config{}.withDefaults()
	if err := errors.Join(c.UnmarshalJSON(raw), c.check()); err != nil {
		return nil, err
	}
	return &lbConfig{Config: c}, nil
}

// carriedFault is the error that faultyServiceConfig has put into a config.
func carriedFault(raw json.RawMessage) error {
	var carrier map[string]json.RawMessage
	var text string
	if json.Unmarshal(raw, &carrier) == nil && json.Unmarshal(carrier[keyFault], &text) == nil {
		return errors.New(text)
	}
	return nil
}
