variable "name" {
  description = "Begins the names of everything that this module makes."
  type        = string
  default     = "gumshoe"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "The name has 3 to 20 lower-case letters, digits and hyphens, begins with a letter and ends with no hyphen."
  }
}

variable "image" {
  description = "The bot's container image, by digest (bot/packaging/Containerfile builds it)."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9._:/-]*@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Name the image by its digest, such as 111122223333.dkr.ecr.eu-central-1.amazonaws.com/gumshoe@sha256:... . A tag can be moved to another image."
  }
}

variable "repository_arn" {
  description = "ARN of the ECR repository that holds the image. Null where it is in no private ECR repository."
  type        = string
  default     = null

  validation {
    condition     = var.repository_arn == null || can(regex("^arn:aws[a-z-]*:ecr:[a-z0-9-]+:[0-9]{12}:repository/[a-z0-9._/-]{2,256}$", var.repository_arn))
    error_message = "This is no ARN of an ECR repository."
  }
}

variable "architecture" {
  description = "Processors that the bot runs on: arm64 (cheaper) or x86_64. The image must be built for it."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "The architecture is arm64 or x86_64."
  }
}

variable "size" {
  description = "CPU units and MiB of memory of a task, as Fargate sells them, and how many tasks run at once. Two share the work, and one goes on when the other's zone fails."
  type = object({
    cpu    = optional(number, 256)
    memory = optional(number, 1024)
    tasks  = optional(number, 1)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096], var.size.cpu) && var.size.memory >= var.size.cpu * 2 && var.size.memory <= var.size.cpu * 8 && var.size.memory % 512 == 0
    error_message = "Fargate has 256, 512, 1024, 2048 and 4096 CPU units, each with 2 to 8 times as many MiB of memory in steps of 512."
  }

  validation {
    condition     = contains([0, 1, 2, 3, 4], var.size.tasks)
    error_message = "0 to 4 tasks can run; 0 stops the bot, and notices wait in the queue."
  }
}

variable "accounts" {
  description = "Accounts whose hosts are asked (outputs account of the module account). Their events are taken, and their instances may write to the archive."
  type = list(object({
    id          = string
    role_arn    = string
    external_id = string
  }))
  nullable = false

  validation {
    condition     = length(var.accounts) > 0 && length(var.accounts) <= 100 && length(distinct(var.accounts[*].id)) == length(var.accounts)
    error_message = "Name 1 to 100 accounts, each once: IAM bounds the size of a role's policy. For more, make this module once for each hundred."
  }

  validation {
    condition     = alltrue([for account in var.accounts : can(regex("^[0-9]{12}$", account.id)) && can(regex("^arn:aws[a-z-]*:iam::${account.id}:role/[A-Za-z0-9+=,.@_/-]{1,512}$", account.role_arn))])
    error_message = "An account's id has twelve digits, and its role_arn is that of a role in it."
  }

  validation {
    condition     = alltrue([for account in var.accounts : can(regex("^[A-Za-z0-9+=,.@:/-]+$", account.external_id)) && length(account.external_id) >= 12 && length(account.external_id) <= 1224])
    error_message = "An external id has 12 to 1224 letters, digits and +=,.@:/- ."
  }
}

variable "regions" {
  description = "Regions in which hosts are looked for."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.regions) > 0 && alltrue([for region in var.regions : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", region))])
    error_message = "Name at least one region, such as eu-central-1."
  }
}

variable "slack_channel" {
  description = "Id of the Slack channel that reports are posted in, such as C0123456789."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[CG][A-Z0-9]{8,20}$", var.slack_channel))
    error_message = "This is no channel's id. It begins with C or G and stands at the end of the channel's details in Slack."
  }
}

variable "own_addresses" {
  description = "Addresses and prefixes that are yours beside those of your instances; they settle who is accused in a notice that names several."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.own_addresses : can(regex("^[0-9a-fA-F:.]+(/[0-9]{1,3})?$", address))])
    error_message = "An address is one such as 198.51.100.7 or a prefix such as 203.0.113.0/24."
  }
}

variable "mail" {
  description = "The mailbox that abuse notices are sent to. SES receives it in this region, which must be one in which SES receives mail; the domain's MX record has to point there (output mail_dns_records). `activate` makes this module's rule set the active one: only one can be, so leave it false where you have another, and add the rule to yours. Null: notices come as events only."
  type = object({
    domain     = string
    recipients = list(string)
    activate   = optional(bool, false)
  })
  default = null

  validation {
    condition     = var.mail == null || can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", var.mail.domain))
    error_message = "The mail's domain is none."
  }

  validation {
    condition     = var.mail == null || try(length(var.mail.recipients) > 0 && alltrue([for one in var.mail.recipients : can(regex("^[A-Za-z0-9._%+-]+@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", one)) && (endswith(one, "@${var.mail.domain}") || endswith(one, ".${var.mail.domain}"))]), false)
    error_message = "Name at least one recipient, such as aws-abuse@example.com, within the domain."
  }
}

variable "network" {
  description = "Where the bot runs. It needs to reach AWS and Slack on port 443 and takes no connection. Null: a VPC of its own with two public subnets; a public address is cheaper than a NAT gateway, and its security group lets nothing in."
  type = object({
    vpc_id           = string
    subnet_ids       = list(string)
    assign_public_ip = optional(bool, false)
  })
  default = null

  validation {
    condition     = var.network == null || try(can(regex("^vpc-[0-9a-f]{8,17}$", var.network.vpc_id)) && length(var.network.subnet_ids) > 0 && alltrue([for id in var.network.subnet_ids : can(regex("^subnet-[0-9a-f]{8,17}$", id))]), false)
    error_message = "A network is the id of a VPC and of at least one subnet in it."
  }
}

variable "vpc_cidr" {
  description = "Addresses of the VPC that is made where no network is named."
  type        = string
  default     = "10.83.0.0/24"
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr)) && try(tonumber(split("/", var.vpc_cidr)[1]) >= 16 && tonumber(split("/", var.vpc_cidr)[1]) <= 26, false)
    error_message = "This is no IPv4 prefix of 16 to 26 bits."
  }
}

variable "retention_days" {
  description = "How long what is stored is kept: mails, archived segments, closed cases' reports, logs."
  type = object({
    mails   = optional(number, 365)
    archive = optional(number, 90)
    logs    = optional(number, 90)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.retention_days.mails >= 30 && var.retention_days.mails <= 3650 && var.retention_days.archive >= 7 && var.retention_days.archive <= 3650
    error_message = "Mails are kept 30 to 3,650 days, the archive 7 to 3,650."
  }

  validation {
    condition     = contains([30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653], var.retention_days.logs)
    error_message = "CloudWatch keeps logs for 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827 or 3653 days."
  }
}

variable "object_lock_days" {
  description = "For how long archived segments cannot be deleted, by nobody (mode COMPLIANCE). 0: no lock. Object lock can only be chosen when the bucket is made, and not be taken back."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.object_lock_days >= 0 && var.object_lock_days <= 3650 && floor(var.object_lock_days) == var.object_lock_days
    error_message = "0 to 3,650 whole days."
  }

  validation {
    condition     = var.object_lock_days <= var.retention_days.archive
    error_message = "What is locked for longer than the archive is kept could not be removed in time."
  }
}

variable "archive_prefix" {
  description = "Where archived segments lie in the archive bucket; below it, by account."
  type        = string
  default     = "archive/"
  nullable    = false

  validation {
    condition     = can(regex("^([A-Za-z0-9!_.()-]+/)+$", var.archive_prefix))
    error_message = "The archive's prefix ends with a slash and begins with none."
  }
}

variable "alarm_topic_arns" {
  description = "SNS topics that alarms are told to, beside the one that this module makes."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.alarm_topic_arns : can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$", arn))])
    error_message = "These are not all ARNs of SNS topics."
  }
}

variable "alarms" {
  description = "When an alarm is raised: the age of the oldest notice in the queue (s), how near an AWS deadline of an open case may come (hours), and what share of the running instances must have a live recorder (percent)."
  type = object({
    queue_age_s      = optional(number, 600)
    deadline_h       = optional(number, 6)
    coverage_percent = optional(number, 95)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.alarms.queue_age_s >= 60 && var.alarms.deadline_h > 0 && var.alarms.coverage_percent >= 0 && var.alarms.coverage_percent <= 100
    error_message = "queue_age_s is at least 60, deadline_h more than 0, coverage_percent 0 to 100."
  }
}

variable "ses_reply_identity_arn" {
  description = "ARN of the SES identity that approved answers to AWS are sent from. Null: answers are drafted, and sent by hand."
  type        = string
  default     = null

  validation {
    condition     = var.ses_reply_identity_arn == null || can(regex("^arn:aws[a-z-]*:ses:[a-z0-9-]+:[0-9]{12}:identity/[A-Za-z0-9.@_+-]{3,320}$", var.ses_reply_identity_arn))
    error_message = "This is no ARN of an SES identity."
  }
}

variable "organization_reader" {
  description = "Whether the bot may list the organization's accounts with its own role (`[organization]` in extra_settings). Only where the bot lives in the management account or a delegated administrator's."
  type        = bool
  default     = false
  nullable    = false
}

variable "extra_settings" {
  description = "More of the bot's settings, as TOML tables that are put at the end of what this module writes (`gumshoe config example` explains each)."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = length(var.extra_settings) <= 8192 && (trimspace(var.extra_settings) == "" || startswith(trimspace(var.extra_settings), "["))
    error_message = "At most 8,192 characters that begin with a table, such as [limits]."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of a permissions boundary for the roles made here. Null for none."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]{1,512}$", var.permissions_boundary_arn))
    error_message = "This is no ARN of an IAM policy."
  }
}

variable "deletion_protection" {
  description = "Whether the table of cases refuses to be deleted."
  type        = bool
  default     = true
  nullable    = false
}

variable "tags" {
  description = "Tags of everything that this module makes."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key, value in var.tags : length(key) >= 1 && length(key) <= 128 && length(value) <= 256 && !startswith(lower(key), "aws:")])
    error_message = "A tag's key has 1 to 128 characters and does not begin with aws:, its value has at most 256."
  }
}
