variable "name" {
  description = "Begins the names of everything that this module makes; also the name of the package in Distributor."
  type        = string
  default     = "host-recorder"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "The name has 3 to 32 lower-case letters, digits and hyphens, begins with a letter and ends with no hyphen."
  }
}

variable "regions" {
  description = "Regions whose instances get the recorder."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.regions) > 0 && alltrue([for region in var.regions : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", region))])
    error_message = "Name at least one region, such as eu-central-1."
  }
}

variable "source_bucket" {
  description = "Bucket that holds the files of `make dist`. Instances are allowed to read them there."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.source_bucket))
    error_message = "This is no name of a bucket."
  }
}

variable "releases" {
  description = "Releases by version: where their files lie below the bucket (prefix, ends with a slash) and the SHA-256 of the Distributor zip for each architecture, as `make dist` prints them. A release that an installation uses must stay here."
  type = map(object({
    prefix = string
    sha256 = map(string)
  }))
  nullable = false

  validation {
    condition     = length(var.releases) > 0 && alltrue([for version, _ in var.releases : can(regex("^[0-9]+\\.[0-9]+\\.[0-9]+([~+-][0-9A-Za-z.-]+)?$", version))])
    error_message = "Name at least one release by its version, such as 0.1.0."
  }

  validation {
    condition     = alltrue([for _, release in var.releases : can(regex("^([A-Za-z0-9!_.()-]+/)+$", release.prefix))])
    error_message = "A release's prefix ends with a slash and begins with none."
  }

  validation {
    condition     = alltrue(flatten([for _, release in var.releases : [for architecture, sha256 in release.sha256 : contains(["x86_64", "arm64"], architecture) && can(regex("^[0-9a-f]{64}$", sha256))]]))
    error_message = "Architectures are x86_64 and arm64; a SHA-256 has 64 hexadecimal digits."
  }

  validation {
    condition     = alltrue([for _, release in var.releases : length(release.sha256) > 0])
    error_message = "A release has at least one architecture."
  }
}

variable "waves" {
  description = "Which instances get which version, in the order of roll-out: by the value that the tag has. One wave with the value enabled is enough to begin with. Raise a wave's version to upgrade it, lower it to go back; `schedule` repeats the installation, so that later and repaired instances get it too."
  type = list(object({
    tag_value       = string
    version         = string
    max_concurrency = optional(string, "10%")
    max_errors      = optional(string, "5%")
    schedule        = optional(string, "rate(1 day)")
  }))
  nullable = false

  validation {
    condition     = length(var.waves) > 0 && length(distinct([for wave in var.waves : wave.tag_value])) == length(var.waves)
    error_message = "There is at least one wave, and each has its own value of the tag."
  }

  validation {
    condition     = alltrue([for wave in var.waves : contains(keys(var.releases), wave.version)])
    error_message = "A wave's version is one of the releases."
  }

  validation {
    condition     = alltrue([for wave in var.waves : can(regex("^[A-Za-z0-9][A-Za-z0-9 _.:/=+@-]{0,255}$", wave.tag_value))])
    error_message = "A wave's tag_value is what the tag of its instances has, at most 256 characters and no wildcard."
  }

  validation {
    condition     = alltrue(flatten([for wave in var.waves : [for bound in [wave.max_concurrency, wave.max_errors] : can(regex("^(0|[1-9][0-9]{0,6}|(0|[1-9][0-9]?|100)%)$", bound))]]))
    error_message = "max_concurrency and max_errors are a number or a percentage, such as 10%."
  }

  validation {
    condition     = alltrue([for wave in var.waves : can(regex("^(rate\\([0-9]+ (minutes?|hours?|days?)\\)|cron\\(.{9,}\\))$", wave.schedule))])
    error_message = "A schedule is rate(...) or cron(...), such as rate(1 day)."
  }
}

variable "tag_key" {
  description = "Key of the tag that an instance's wave is told from."
  type        = string
  default     = "gumshoe-recorder"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_.:/=+@-]{0,127}$", var.tag_key)) && !startswith(lower(var.tag_key), "aws:")
    error_message = "A tag's key has 1 to 128 characters, no blank, and does not begin with aws: ."
  }
}

variable "archive" {
  description = "Where instances send their sealed segments: the archive bucket's ARN and key ARN (outputs of the module bot) and the prefix. Null: history stays on the hosts, and is gone with them."
  type = object({
    bucket_arn  = string
    kms_key_arn = optional(string)
    prefix      = optional(string, "archive/")
  })
  default = null

  validation {
    condition     = var.archive == null || can(regex("^arn:aws[a-z-]*:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.archive.bucket_arn))
    error_message = "The archive's bucket_arn is no ARN of a bucket, such as arn:aws:s3:::gumshoe-archive."
  }

  validation {
    condition     = try(var.archive.kms_key_arn, null) == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]{1,64}$", var.archive.kms_key_arn))
    error_message = "The archive's kms_key_arn is no ARN of a KMS key."
  }

  validation {
    condition     = var.archive == null || can(regex("^([A-Za-z0-9!_.()-]+/)*$", var.archive.prefix))
    error_message = "The archive's prefix is empty or ends with a slash."
  }
}

variable "create_instance_profile" {
  description = "Whether to make a role and an instance profile for instances that have none. Others attach the policy (output instance_policy_arn) to the role that they have."
  type        = bool
  default     = false
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
