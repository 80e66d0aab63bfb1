variable "region" {
  description = "Region of the bot and of the hosts. SES must receive mail in it when `mail` is set."
  type        = string
  default     = "eu-west-1"
}

variable "image" {
  description = "The bot's image, by digest."
  type        = string
  default     = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/gumshoe@sha256:0000000000000000000000000000000000000000000000000000000000000000"
}

variable "repository_arn" {
  description = "The ECR repository that it is in."
  type        = string
  default     = "arn:aws:ecr:eu-west-1:111122223333:repository/gumshoe"
}

variable "architecture" {
  description = "Processor that the image was built for: x86_64 or arm64. `docker build` builds for that of the machine it runs on."
  type        = string
  default     = "x86_64"
}

variable "external_id" {
  description = "A secret word of your own: 12 characters or more."
  type        = string
  default     = "replace-this-word"
}

variable "slack_channel" {
  description = "Id of the Slack channel of reports."
  type        = string
  default     = "C0123456789"
}

variable "actions" {
  description = "What people may have the bot do to hosts by a button: isolate, snapshot, stop_process. None unless named; who may press is in `extra_settings`."
  type        = set(string)
  default     = []
}

variable "isolation_vpc_ids" {
  description = "VPCs that get a security group without any rule, for `isolate`."
  type        = set(string)
  default     = []
}

variable "extra_settings" {
  description = "More of the bot's settings, as TOML tables, such as [slack.actions] (`gumshoe config example` explains each)."
  type        = string
  default     = ""
}

variable "mail" {
  description = "The abuse mailbox, or null."
  type = object({
    domain     = string
    recipients = list(string)
    activate   = optional(bool, false)
  })
  default = {
    domain     = "example.com"
    recipients = ["aws-abuse@example.com"]
  }
}

variable "source_bucket" {
  description = "Bucket with the files of `make dist`."
  type        = string
  default     = "example-gumshoe-releases"
}

variable "releases" {
  description = "Releases of the recorder in that bucket."
  type        = map(object({ prefix = string, sha256 = map(string) }))
  default = {
    "0.1.0" = {
      prefix = "host-recorder/0.1.0/"
      sha256 = { x86_64 = "0000000000000000000000000000000000000000000000000000000000000000" }
    }
  }
}

variable "waves" {
  description = "Which instances get which release, in order: first those tagged gumshoe-recorder=canary, then gumshoe-recorder=enabled."
  type        = list(object({ tag_value = string, version = string }))
  default = [
    { tag_value = "canary", version = "0.1.0" },
    { tag_value = "enabled", version = "0.1.0" },
  ]
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
  default     = { owner = "security" }
}
