package kubernetes

// The parts of discovery.k8s.io/v1 that are read here. Fields that are pointers
// there tell "not set" from "false".

type metadata struct {
	Name            string `json:"name"`
	ResourceVersion string `json:"resourceVersion"`
	Continue        string `json:"continue"`
}

type sliceList struct {
	Metadata metadata `json:"metadata"`
	Items    []*slice `json:"items"`
}

type slice struct {
	Metadata    metadata        `json:"metadata"`
	AddressType string          `json:"addressType"`
	Endpoints   []sliceEndpoint `json:"endpoints"`
	Ports       []slicePort     `json:"ports"`
}

type sliceEndpoint struct {
	Addresses  []string   `json:"addresses"`
	Conditions conditions `json:"conditions"`
	TargetRef  *reference `json:"targetRef"`
	Zone       string     `json:"zone"`
	Hints      *struct {
		ForZones []struct {
			Name string `json:"name"`
		} `json:"forZones"`
	} `json:"hints"`
}

type conditions struct {
	Ready       *bool `json:"ready"`
	Serving     *bool `json:"serving"`
	Terminating *bool `json:"terminating"`
}

type slicePort struct {
	Name     string `json:"name"`
	Protocol string `json:"protocol"`
	Port     *int32 `json:"port"`
}

type reference struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	UID       string `json:"uid"`
}

// event is a line of a watch. Its object is a slice, or for the type ERROR a
// Status, of which the last three fields are.
type event struct {
	Type   string `json:"type"`
	Object *struct {
		slice

		Code    int    `json:"code"`
		Message string `json:"message"`
		Details struct {
			RetryAfterSeconds int64 `json:"retryAfterSeconds"`
		} `json:"details"`
	} `json:"object"`
}

// standing says what an endpoint is good for.
type standing int

const (
	away     standing = iota // takes no calls
	leaving                  // still answers, and is about to end
	standsBy                 // ready
)

// standing reads the conditions. Of ready and serving the API says that "a nil
// value should be interpreted as true", of terminating "as false"
// (EndpointConditions, discovery.k8s.io/v1). Ready may be set on what is
// terminating, where a Service publishes addresses that are not ready: that is
// no reason to begin calls there.
func (c conditions) standing() standing {
	ready := c.Ready == nil || *c.Ready
	serving := c.Serving == nil || *c.Serving
	switch terminating := c.Terminating != nil && *c.Terminating; {
	case ready && !terminating:
		return standsBy
	case terminating && (ready || serving):
		return leaving
	default:
		return away
	}
}

// key tells which server an endpoint is. Slices of two address families have
// one each for a pod with two addresses; one without a reference is known by its
// address only.
func (e *sliceEndpoint) key() string {
	switch r := e.TargetRef; {
	case r != nil && r.UID != "":
		return "uid/" + r.UID
	case r != nil && r.Name != "":
		return r.Kind + "/" + r.Namespace + "/" + r.Name
	case len(e.Addresses) > 0:
		return "address/" + e.Addresses[0]
	default:
		return ""
	}
}
