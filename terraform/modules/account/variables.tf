variable "name" {
  description = "Begins the names of everything that this module makes."
  type        = string
  default     = "gumshoe"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "The name has 3 to 32 lower-case letters, digits and hyphens, begins with a letter and ends with none of the hyphens."
  }
}

variable "bot_role_arn" {
  description = "ARN of the bot's task role (output task_role_arn of the module bot): the only one that may assume the role made here."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,512}$", var.bot_role_arn))
    error_message = "This is no ARN of an IAM role, such as arn:aws:iam::111122223333:role/gumshoe-bot. A root or a user is not accepted."
  }
}

variable "external_id" {
  description = "Secret word that the bot has to give when it assumes the role. Another one for each installation; a UUID is fine."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@:/-]+$", var.external_id)) && length(var.external_id) >= 12 && length(var.external_id) <= 1224
    error_message = "The external id has 12 to 1224 letters, digits and +=,.@:/- ."
  }
}

variable "forward_events" {
  description = "Whether events of every region are sent to the bot's bus. Without, notices come by mail only, and nothing is learned of addresses that move."
  type        = bool
  default     = true
  nullable    = false

  validation {
    condition     = !var.forward_events || var.event_bus_arn != null
    error_message = "To forward events, name the bot's bus by event_bus_arn (output event_bus_arn of the module bot)."
  }
}

variable "event_bus_arn" {
  description = "ARN of the bot's event bus (output event_bus_arn of the module bot)."
  type        = string
  default     = null

  validation {
    condition     = var.event_bus_arn == null || can(regex("^arn:aws[a-z-]*:events:[a-z]{2}(-[a-z]+)+-[0-9]:[0-9]{12}:event-bus/[A-Za-z0-9._/-]{1,256}$", var.event_bus_arn))
    error_message = "This is no ARN of an event bus, such as arn:aws:events:us-east-1:111122223333:event-bus/gumshoe."
  }
}

variable "regions" {
  description = "Regions in which hosts are asked. Each gets the SSM document and the event rules."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.regions) > 0 && alltrue([for region in var.regions : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", region))])
    error_message = "Name at least one region, such as eu-central-1."
  }
}

variable "instance_tag" {
  description = "Only instances with this tag are asked. Null: all that have the recorder. With a tag, hosts behind a NAT gateway that lack it are named as not asked."
  type = object({
    key   = string
    value = string
  })
  default = null

  validation {
    condition     = var.instance_tag == null || try(length(var.instance_tag.key) >= 1 && length(var.instance_tag.key) <= 128 && length(var.instance_tag.value) <= 256 && !can(regex("[*?]", var.instance_tag.value)), false)
    error_message = "A tag's key has 1 to 128 characters, its value at most 256 and no wildcard."
  }
}

variable "address_events" {
  description = "Whether the bot is told at once of addresses and instances that come and go. Calls are seen only where a CloudTrail trail records management events."
  type        = bool
  default     = true
  nullable    = false
}

variable "health_in_us_west_2" {
  description = "Also forward what AWS Health sends to us-west-2, its second home for every region's events, when that is none of the regions. The bot knows an event by its ARN and answers it once."
  type        = bool
  default     = true
  nullable    = false
}

variable "archive" {
  description = "The archive of sealed segments, when the bot reads it through this role instead of its own (a bucket in this account). Null for none."
  type = object({
    bucket_arn  = string
    prefix      = optional(string, "")
    kms_key_arn = optional(string)
  })
  default = null

  validation {
    condition     = var.archive == null || can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.archive.bucket_arn))
    error_message = "The archive's bucket_arn is no ARN of a bucket, such as arn:aws:s3:::gumshoe-archive."
  }

  validation {
    condition     = var.archive == null || can(regex("^([A-Za-z0-9!_.()-]+/)*$", var.archive.prefix))
    error_message = "The archive's prefix is empty or ends with a slash."
  }

  validation {
    condition     = try(var.archive.kms_key_arn, null) == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[0-9a-f-]{36}$", var.archive.kms_key_arn))
    error_message = "The archive's kms_key_arn is no ARN of a KMS key."
  }
}

variable "flow_log_groups" {
  description = "ARNs of the CloudWatch log groups that VPC flow logs of this account go to. Of a host that does not answer, the bot then says what they hold of it. Without, such a log is named as one that may not be read."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.flow_log_groups : can(regex("^arn:aws[a-z-]*:logs:[a-z0-9-]+:[0-9]{12}:log-group:[A-Za-z0-9._/#-]{1,512}$", arn))])
    error_message = "A flow log group is the ARN of a log group without a final :*, such as arn:aws:logs:eu-central-1:111122223333:log-group:/vpc/flow."
  }
}

variable "actions" {
  description = "What the bot may do here when an authorised person presses a button for a case: isolate (swap an interface's security groups), snapshot (of an instance's volumes), stop_process (by the second SSM document). None unless named."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(setsubtract(var.actions, ["isolate", "snapshot", "stop_process"])) == 0
    error_message = "Actions are isolate, snapshot and stop_process."
  }
}

variable "isolation_vpc_ids" {
  description = "VPCs of this provider's region that get the security group that `isolate` puts interfaces into: it has no rule at all. Name it in slack.actions.isolation_group."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.isolation_vpc_ids : can(regex("^vpc-[0-9a-f]{8,17}$", id))])
    error_message = "This is no id of a VPC, such as vpc-0123456789abcdef0."
  }
}

variable "isolation_group" {
  description = "Name of that security group."
  type        = string
  default     = "gumshoe-isolated"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9 ._:/()#,@+=&;{}!$*-]{1,255}$", var.isolation_group)) && !startswith(var.isolation_group, "sg-")
    error_message = "This is no name of a security group."
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
