package script

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Duration is a time.Duration, written as in "1.5s".
type Duration time.Duration

// D returns it as the standard library's.
func (d Duration) D() time.Duration { return time.Duration(d) }

// UnmarshalYAML reads "1.5s".
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	*d = Duration(v)
	return nil
}

// UnmarshalYAML reads one reply or a list of them.
func (r *Replies) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.MappingNode {
		n = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{n}, Line: n.Line}
	}
	var list []Reply
	if err := strictly(n, &list); err != nil {
		return err
	}
	*r = append(Replies{}, list...) // never nil: an empty list is said, too
	return nil
}

// IsZero tells a list that is not said from one that is empty.
func (r Replies) IsZero() bool { return r == nil }

// strictly decodes a node, and refuses fields that are not known: Node.Decode
// does not.
func strictly(n *yaml.Node, into any) error {
	text, err := yaml.Marshal(n)
	if err != nil {
		return err
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	return nil
}

// Load reads the cases of a file; name is for errors.
func Load(name string, data []byte) ([]Case, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	var cases []Case
	if err := dec.Decode(&cases); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var errs []error
	for i := range cases {
		if err := cases[i].check(); err != nil {
			errs = append(errs, fmt.Errorf("%s: case %q: %w", name, cases[i].ID, err))
		}
	}
	return cases, errors.Join(errs...)
}

func (c *Case) check() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.ID == "" || c.From == "" || c.Says == "" {
		fault("id, from and says must be set")
	}
	if c.Tier != 1 && c.Tier != 2 {
		fault("tier must be 1 or 2, got %d", c.Tier)
	}
	if !slices.Contains([]Level{Must, Should, Choice}, c.Level) {
		fault("level must be must, should or choice, got %q", c.Level)
	}
	if (c.Func == "") == (len(c.Steps) == 0) {
		fault("either func or steps must be set")
	}
	for i := range c.Steps {
		if err := c.Steps[i].check(); err != nil {
			fault("step %d: %w", i+1, err)
		}
	}
	return errors.Join(errs...)
}

func (s *Step) check() error {
	wants := []Want{"", Hit, Stale, Validated, Miss, Collapsed, Fetched, OK, Err}
	switch {
	case !slices.Contains(wants, s.Want):
		return fmt.Errorf("want: there is no %q", s.Want)
	case s.Want == "" && s.Go == "" && (s.Method != "" || s.Code != ""):
		return errors.New("a call must say what it wants")
	case s.Want != "" && s.Go != "":
		return errors.New("what is wanted of calls in the background is said where they are joined")
	case s.Want == "" && s.Join != "":
		return errors.New("a join must say what is wanted of the calls")
	case (s.Want == Err) != (s.Code != ""):
		return errors.New("want: err goes with a code")
	}
	return nil
}

// For returns the case with ${each} replaced, for every value of Each, or the
// case itself.
func (c *Case) For() ([]Case, error) {
	if len(c.Each) == 0 {
		return []Case{*c}, nil
	}
	plain := *c
	plain.Each = nil
	out := make([]Case, len(c.Each))
	for i, v := range c.Each {
		var n yaml.Node
		if err := n.Encode(&plain); err != nil {
			return nil, err
		}
		replace(&n, v)
		if err := n.Decode(&out[i]); err != nil {
			return nil, fmt.Errorf("case %s for %q: %w", c.ID, v, err)
		}
	}
	return out, nil
}

func replace(n *yaml.Node, v string) {
	if n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "${each}") {
		n.SetString(strings.ReplaceAll(n.Value, "${each}", v))
	}
	for _, child := range n.Content {
		replace(child, v)
	}
}

// MarshalYAML writes what UnmarshalYAML reads.
func (d Duration) MarshalYAML() (any, error) { return time.Duration(d).String(), nil }
