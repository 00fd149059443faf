variable "name" {
  description = "Name of the installation; the bucket, the roles and the repositories begin with it."
  type        = string
  default     = "slipway"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "Between 3 and 32 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "bucket_name" {
  description = "Name of the bucket, unique in all of AWS; empty: the installation's name, account and region."
  type        = string
  default     = ""

  validation {
    condition     = var.bucket_name == "" || can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket_name))
    error_message = "Between 3 and 63 lower-case letters, digits and hyphens."
  }
}

variable "cluster_name" {
  description = "EKS cluster whose pods get the roles by EKS Pod Identity; null: none."
  type        = string
  default     = null
}

variable "oidc_provider_arn" {
  description = "OpenID Connect provider of a cluster whose pods get the roles by web identity; null: none."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_provider_arn == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/.+$", var.oidc_provider_arn))
    error_message = "An ARN such as arn:aws:iam::123456789012:oidc-provider/oidc.eks.REGION.amazonaws.com/id/ID."
  }

  validation {
    condition     = var.oidc_provider_arn != null || var.cluster_name != null
    error_message = "Say cluster_name, or oidc_provider_arn, or both: else no pod gets a role."
  }
}

variable "namespaces" {
  description = "Namespaces of the service accounts: of Airflow and MLflow, of stages, of servers."
  type = object({
    control = optional(string, "slipway")
    stages  = optional(string, "slipway-stages")
    serving = optional(string, "slipway-serving")
  })
  default = {}

  validation {
    condition = alltrue([
      for name in values(var.namespaces) : can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", name))
    ])
    error_message = "Names that Kubernetes takes for namespaces."
  }
}

variable "store_prefix" {
  description = "Prefix of the store in the bucket: SLIPWAY_STORE is s3://<bucket>/<store_prefix>."
  type        = string
  default     = "store"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]+$", var.store_prefix))
    error_message = "One name, without slashes."
  }
}

variable "artifacts_prefix" {
  description = "Prefix of MLflow's artifacts in the bucket."
  type        = string
  default     = "mlflow"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]+$", var.artifacts_prefix)) && var.artifacts_prefix != var.store_prefix
    error_message = "One name, without slashes, and another one than store_prefix."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the bucket and the images; null: the keys of S3 and ECR."
  type        = string
  default     = null
}

variable "noncurrent_days" {
  description = "Days until overwritten and deleted objects are removed."
  type        = number
  default     = 90

  validation {
    condition     = var.noncurrent_days >= 1 && floor(var.noncurrent_days) == var.noncurrent_days
    error_message = "A whole number of days, at least 1."
  }
}

variable "images" {
  description = "Images, each with its repository."
  type        = set(string)
  default     = ["airflow", "mlflow", "server", "shipper", "stages"]
}

variable "untagged_image_days" {
  description = "Days until an untagged image is removed."
  type        = number
  default     = 30

  validation {
    condition     = var.untagged_image_days >= 1
    error_message = "At least 1 day."
  }
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
