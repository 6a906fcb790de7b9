package balancer

import (
	"encoding/json"
	"errors"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/endpointsharding"
	"google.golang.org/grpc/balancer/pickfirst"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"

	"github.com/freshet-io/freshet/balancer/internal/choose"
)

func init() { balancer.Register(builder{}) }

type builder struct{}

func (builder) Name() string { return Name }

// Build returns a balancer whose clock starts now.
func (builder) Build(cc balancer.ClientConn, opts balancer.BuildOptions) balancer.Balancer {
	b := &freshet{
		ClientConn: cc,
		base:       time.Now(),
		pool:       choose.NewPool(choose.MaxPool),
		learnt:     resolver.NewEndpointMap[*choose.Endpoint](),
		absence:    errNoAddresses,
	}
	b.child = endpointsharding.NewBalancer(b, opts, balancer.Get(pickfirst.Name).Build, endpointsharding.Options{})
	return b
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
