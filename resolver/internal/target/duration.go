package target

import "time"

// Duration returns the option of that name, which is one of Options, or def when
// it is not given. One that is malformed, or not between least and most, is a
// fault.
func (t Target) Duration(name string, def, least, most time.Duration, faults *Faults) time.Duration {
	s, ok := t.Options[name]
	if !ok {
		return def
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		faults.Addf("%s must be a duration like 1.5s, got %s", name, Quote(s))
	case d < least || d > most:
		faults.Addf("%s must be between %v and %v, got %v", name, least, most, d)
	}
	return d
}
