/** What Fulcio says of a job beside its identity. */
export type WorkflowFact = "trigger" | "sha" | "name" | "repository" | "ref";

/** Of the job that signed: `repository` is `owner/name`, `ref` as `refs/heads/main`. */
export type Workflow = Readonly<Partial<Record<WorkflowFact, string>>>;

export const WORKFLOW_FACTS: readonly WorkflowFact[] = ["trigger", "sha", "name", "repository", "ref"];
