// Command lab compares load balancing policies: freshet, grpc-go's and published ones, with what
// an all-seeing dispatcher would have done as the bound.
//
//	go run ./examples/lab
//
// plays some scenarios in virtual time and prints a table for each. Freshet is the code that runs in
// channels; all others are models. With -mode grpc it makes calls over loopback, where freshet and
// grpc-go's own policies take turns; that takes real time. -list shows scenarios and policies.
// -check holds freshet against the best other policy in each scenario. -freshet adds freshet with
// another configuration as one more policy, to see what a setting is worth.
//
// It ends with exit code 0; with 1 if a run failed, or -check found freshet to be worse than it
// may be; with 2 if a flag makes no sense.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/freshet-io/freshet/balancer"
	"github.com/freshet-io/freshet/examples/lab/internal/chart"
	"github.com/freshet-io/freshet/examples/lab/internal/live"
	"github.com/freshet-io/freshet/examples/lab/internal/result"
	"github.com/freshet-io/freshet/examples/lab/internal/sim"
	"github.com/freshet-io/freshet/examples/lab/internal/table"
)

const maxSeeds = 100

// limit is how many times the best other policy's p99 freshet's may be for -check.
const limit = 1.05

type config struct {
	mode               string
	scenarios          string // by name, separated by semicolons
	policies           string // by name, separated by commas
	seeds              int
	load               float64
	full, json, list   bool
	check              bool
	variants           []string // names of policies
	chart              string
	simulated          []sim.Scenario
	simulatedBy, livBy []string
}

func main() { os.Exit(interruptible()) }

func interruptible() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, os.Args[1:], os.Stdout, os.Stderr)
}

// run is main with its surroundings given, and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cfg, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	if cfg.list {
		list(stdout)
		return 0
	}
	if err := measure(ctx, cfg, stdout, stderr); err != nil {
		_, _ = fmt.Fprintf(stderr, "lab: %v\n", err)
		return 1
	}
	return 0
}

func measure(ctx context.Context, cfg *config, stdout, stderr io.Writer) error {
	var runs []result.Run
	var err error
	if cfg.mode == "grpc" {
		runs, err = live.Run(ctx, live.Standard(cfg.load), cfg.livBy, seeds(cfg.seeds), func(r result.Run) {
			_, _ = fmt.Fprintf(stderr, "seed %d %s: p99 %.1f ms\n", r.Seed, r.Policy, r.P99)
		})
	} else {
		runs, err = simulate(ctx, cfg.simulated, cfg.simulatedBy, seeds(cfg.seeds))
	}
	if err != nil {
		return err
	}
	table.Relate(runs)
	rows := table.Summarize(runs)
	if cfg.chart != "" {
		if err := draw(cfg.chart, rows); err != nil {
			return err
		}
	}
	if cfg.json {
		return errors.Join(table.WriteJSON(stdout, runs), cfg.judge(runs, stderr))
	}
	_, _ = fmt.Fprintf(stdout, "seeds 1 to %d\n\n", cfg.seeds)
	return errors.Join(table.WriteText(stdout, rows), cfg.judge(runs, stdout))
}

// judge is -check.
func (c *config) judge(runs []result.Run, w io.Writer) error {
	if !c.check {
		return nil
	}
	verdicts := table.Check(runs, balancer.Name, limit)
	over, err := table.WriteCheck(w, balancer.Name, limit, verdicts)
	if err == nil && over > 0 {
		err = fmt.Errorf("%s is over %.2f times the best other policy in %d of %d scenarios", balancer.Name, limit, over, len(verdicts))
	}
	return err
}

func draw(name string, rows []table.Row) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(chart.Write(f, rows), f.Close())
}

// seeds are 1 to n.
func seeds(n int) []uint64 {
	all := make([]uint64, n)
	for i := range all {
		all[i] = uint64(i + 1)
	}
	return all
}

func list(w io.Writer) {
	_, _ = fmt.Fprintln(w, "scenarios of the simulation (those with * are in a run without -full):")
	for _, s := range sim.Scenarios() {
		mark := " "
		if s.Quick {
			mark = "*"
		}
		_, _ = fmt.Fprintf(w, " %s %s\n", mark, s.Name)
	}
	_, _ = fmt.Fprintln(w, "\npolicies of the simulation:")
	for _, p := range sim.Policies() {
		_, _ = fmt.Fprintf(w, "   %-22s %s\n", p.Name, p.Description)
	}
	_, _ = fmt.Fprintf(w, "\npolicies over gRPC:\n   %s\n", strings.Join(live.Policies(), "\n   "))
}

// parse reads the flags, and says what is wrong with them.
func parse(args []string, stderr io.Writer) (*config, error) {
	cfg := &config{}
	fs := flag.NewFlagSet("lab", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&cfg.mode, "mode", "simulation", "`simulation` or grpc")
	fs.StringVar(&cfg.scenarios, "scenario", "", "`names` of scenarios, separated by semicolons (default: those of a short run)")
	fs.StringVar(&cfg.policies, "policy", "", "`names` of policies, separated by commas (default: all)")
	fs.IntVar(&cfg.seeds, "seeds", 0, "how many seeds, from 1 on (default 1, with -full 5, with -mode grpc 3)")
	fs.Float64Var(&cfg.load, "load", 0.75, "with -mode grpc: the load, as a part of what the servers can do")
	fs.BoolVar(&cfg.full, "full", false, "all scenarios, which takes half an hour")
	fs.BoolVar(&cfg.json, "json", false, "print JSON instead of tables")
	fs.BoolVar(&cfg.check, "check", false, "fail if freshet's p99 is over 1.05 times the best other policy's in a scenario")
	fs.Func("freshet", "add freshet with a `configuration`, such as {\"poolSize\":8}; may be repeated", func(s string) error {
		name, err := sim.Variant(s)
		cfg.variants = append(cfg.variants, name)
		return err
	})
	fs.BoolVar(&cfg.list, "list", false, "list scenarios and policies")
	fs.StringVar(&cfg.chart, "chart", "", "draw an SVG into `file`, of the first three scenarios")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	err := cfg.settle(fs.Args())
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "lab: %v\n", err)
	}
	return cfg, err
}

// settle fills in what flags leave open, and says what makes no sense.
func (c *config) settle(rest []string) error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if len(rest) > 0 {
		fault("unexpected argument %q", rest[0])
	}
	if c.seeds == 0 {
		switch {
		case c.full:
			c.seeds = 5
		case c.mode == "grpc":
			c.seeds = 3
		default:
			c.seeds = 1
		}
	}
	if c.seeds < 1 || c.seeds > maxSeeds {
		fault("-seeds must be between 1 and %d, got %d", maxSeeds, c.seeds)
	}
	if !(c.load > 0 && c.load <= 1) {
		fault("-load must be over 0 and at most 1, got %v", c.load)
	}
	switch c.mode {
	case "simulation":
		c.simulated, faults = chooseScenarios(c, faults)
		var all []string
		for _, p := range sim.Policies() {
			all = append(all, p.Name)
		}
		c.simulatedBy, faults = choosePolicies(c.policies, all, faults)
		c.simulatedBy = append(c.simulatedBy, c.variants...)
		if c.check && (!slices.Contains(c.simulatedBy, balancer.Name) || len(c.simulatedBy) < 2) {
			fault("-check needs freshet and another policy, got %s", strings.Join(c.simulatedBy, ", "))
		}
	case "grpc":
		if c.scenarios != "" || c.full || c.check || c.variants != nil {
			fault("-scenario, -full, -check and -freshet are for the simulation; -mode grpc has -load")
		}
		c.livBy, faults = choosePolicies(c.policies, live.Policies(), faults)
	default:
		fault("-mode must be simulation or grpc, got %q", c.mode)
	}
	return errors.Join(faults...)
}

func chooseScenarios(c *config, faults []error) ([]sim.Scenario, []error) {
	var chosen []sim.Scenario
	if c.scenarios == "" {
		for _, s := range sim.Scenarios() {
			if c.full || s.Quick {
				chosen = append(chosen, s)
			}
		}
		return chosen, faults
	}
	for name := range strings.SplitSeq(c.scenarios, ";") {
		name = strings.TrimSpace(name)
		i := slices.IndexFunc(sim.Scenarios(), func(s sim.Scenario) bool { return s.Name == name })
		if i < 0 {
			faults = append(faults, fmt.Errorf("-scenario: there is no %q, see -list", name))
			continue
		}
		chosen = append(chosen, sim.Scenarios()[i])
	}
	return chosen, faults
}

func choosePolicies(names string, all []string, faults []error) ([]string, []error) {
	if names == "" {
		return all, faults
	}
	var chosen []string
	for name := range strings.SplitSeq(names, ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains(all, name) {
			faults = append(faults, fmt.Errorf("-policy must be of %s, got %q", strings.Join(all, ", "), name))
			continue
		}
		chosen = append(chosen, name)
	}
	return chosen, faults
}
