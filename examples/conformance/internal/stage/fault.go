package stage

import "fmt"

// Fault is why a case failed.
type Fault struct {
	// Kind is "Assertion" when the cache did something else than the case asks,
	// "Setup" when it could not be asked.
	Kind string
	// Text says what.
	Text string
}

func (f *Fault) Error() string { return f.Kind + ": " + f.Text }

func fault(kind, format string, args ...any) *Fault {
	return &Fault{kind, fmt.Sprintf(format, args...)}
}

// Failf ends the case: the cache did not do what it asks.
func (st *Stage) Failf(format string, args ...any) {
	panic(fault("Assertion", format, args...))
}

// Missing ends the case: the cache has no way to be asked for something.
func (st *Stage) Missing(what string) { st.Failf("offers no %s", what) }

// need ends the case if the stage itself fails.
func need(err error) {
	if err != nil {
		panic(fault("Setup", "%v", err))
	}
}
