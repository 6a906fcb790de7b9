package callstate

// Rule is the reason for which a picker chose an endpoint.
type Rule uint8

const (
	// RuleNone: nothing was picked.
	RuleNone Rule = iota
	// RuleOnly: there was only one endpoint to choose from.
	RuleOnly
	// RuleReport: it had the best expected time by the servers' load reports.
	RuleReport
	// RuleTwoChoices: the client's own measurements decided among random
	// endpoints, or it was the turn of one that had been left out.
	RuleTwoChoices
	// RuleAffinity: it was the first endpoint in the order of the call's affinity
	// key that had room.
	RuleAffinity
	// RuleProbation: it was ejected, and this call finds out whether it has recovered.
	RuleProbation
	// RulePanic: so many endpoints were ejected that ejection was ignored.
	RulePanic
)

// String returns "none", "only", "report", "two choices", "affinity", "probation" or "panic".
func (r Rule) String() string {
	switch r {
	case RuleOnly:
		return "only"
	case RuleReport:
		return "report"
	case RuleTwoChoices:
		return "two choices"
	case RuleAffinity:
		return "affinity"
	case RuleProbation:
		return "probation"
	case RulePanic:
		return "panic"
	default:
		return "none"
	}
}
