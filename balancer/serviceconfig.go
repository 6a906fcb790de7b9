package balancer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

const (
	keyLoadBalancing = "loadBalancingConfig"
	keyLegacyPolicy  = "loadBalancingPolicy"
	keyHealthCheck   = "healthCheckConfig"
	// keyFault is the config field by which DialOptions, which cannot return an
	// error, hands one to ParseConfig.
	keyFault = "$fault"
)

// ServiceConfig returns a gRPC service config that selects the policy with this
// configuration. Everything in base survives (methodConfig,
// retryThrottling and whatever else), except for its choice of a policy. Client
// health checking is asked for, for the server as a whole ("serviceName":""),
// unless base has a healthCheckConfig. An empty base is like "{}".
//
// It fails if base is not a JSON object or the configuration is out of its
// limits, with every fault named. What base says within its fields is for
// grpc.NewClient to check.
func (c Config) ServiceConfig(base string) (string, error) {
	return serviceConfig(c, base, healthDefault, "")
}

type healthChoice uint8

const (
	healthDefault healthChoice = iota // base's, or the whole server's
	healthNamed
	healthOff
)

func serviceConfig(c Config, base string, health healthChoice, service string) (string, error) {
	members, err := parseBase(base)
	if err := errors.Join(c.Validate(), err); err != nil {
		return "", err
	}
	remove(members, keyLoadBalancing)
	remove(members, keyLegacyPolicy)
	if members[keyLoadBalancing], err = policyList(c); err != nil {
		return "", err
	}
	if health == healthDefault && has(members, keyHealthCheck) {
		return marshal(members)
	}
	remove(members, keyHealthCheck)
	if health != healthOff {
		raw, err := json.Marshal(map[string]string{"serviceName": service})
		if err != nil {
			return "", err
		}
		members[keyHealthCheck] = raw
	}
	return marshal(members)
}

func parseBase(base string) (map[string]json.RawMessage, error) {
	if strings.TrimSpace(base) == "" {
		base = "{}"
	}
	members, err := object([]byte(base))
	if err != nil {
		return nil, fmt.Errorf("balancer: base service config %w", err)
	}
	if members == nil {
		members = make(map[string]json.RawMessage)
	}
	return members, checkKinds(members)
}

// checkKinds finds members that cannot be what gRPC will take them for, to name
// them beside the faults of the Config.
func checkKinds(members map[string]json.RawMessage) error {
	var faults []error
	for _, k := range []struct{ name, opens, kind string }{
		{"methodConfig", "[", "array"},
		{"retryThrottling", "{", "object"},
		{keyHealthCheck, "{", "object"},
	} {
		raw, ok := present(members, k.name)
		if ok && !strings.HasPrefix(string(raw), k.opens) {
			faults = append(faults, fmt.Errorf("balancer: base service config: %s must be an %s, got %s", k.name, k.kind, shorten(raw)))
		}
	}
	return errors.Join(faults...)
}

// policyList is the value of loadBalancingConfig that selects this policy.
func policyList(config any) (json.RawMessage, error) {
	return json.Marshal([]map[string]any{{Name: config}})
}

// faultyServiceConfig is a service config that grpc.NewClient refuses with the
// text of err.
func faultyServiceConfig(err error) string {
	// Two maps of strings always marshal.
	list, _ := policyList(map[string]string{keyFault: err.Error()})
	s, _ := marshal(map[string]json.RawMessage{keyLoadBalancing: list})
	return s
}

func marshal(members map[string]json.RawMessage) (string, error) {
	b, err := json.Marshal(members)
	return string(b), err
}

// has and remove match names as gRPC does, regardless of case.
func has(members map[string]json.RawMessage, name string) bool {
	for key, raw := range members {
		if strings.EqualFold(key, name) && string(raw) != "null" {
			return true
		}
	}
	return false
}

func remove(members map[string]json.RawMessage, name string) {
	for key := range members {
		if strings.EqualFold(key, name) {
			delete(members, key)
		}
	}
}
