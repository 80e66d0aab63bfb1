variable "bot_account" {
  description = "The security account, which the bot lives in."
  type        = string
  default     = "111122223333"
}

variable "production_account" {
  description = "A member account."
  type        = string
  default     = "444455556666"
}

variable "staging_account" {
  description = "Another one."
  type        = string
  default     = "777788889999"
}

variable "administrator_role" {
  description = "Role in the member accounts that Terraform assumes."
  type        = string
  default     = "OrganizationAccountAccessRole"
}

variable "regions" {
  description = "Regions of the hosts."
  type        = set(string)
  default     = ["eu-west-1", "us-east-1"]
}

variable "region" {
  description = "Region of the bot. SES must receive mail in it when `mail` is set."
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

variable "slack_responders" {
  description = "Id of the Slack user group whose members may press buttons."
  type        = string
  default     = "S0123456789"
}

variable "production_vpc_ids" {
  description = "VPCs of production in which an instance may be isolated."
  type        = set(string)
  default     = ["vpc-0123456789abcdef0"]
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
    "0.1.1" = {
      prefix = "host-recorder/0.1.1/"
      sha256 = { x86_64 = "1111111111111111111111111111111111111111111111111111111111111111" }
    }
  }
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
  default     = { owner = "security" }
}
